//! What the crates of the `mcpo` tool share: terminal output and errors, secrets and private files,
//! the project and its package on disk, and other processes.
//!
//! Nothing here knows a subcommand. The crate is part of the tool and follows its version. It is
//! not meant for other projects.

pub mod cargo_config;
pub mod environment_file;
pub mod error;
pub mod package;
pub mod private_file;
pub mod process;
pub mod project;
pub mod replace_file;
pub mod secret;
pub mod shell;
pub mod text;
pub mod ui;
