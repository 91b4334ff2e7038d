//! A generated project on disk: where it is, its name, and its state folder.
