//! The text functions that the walk uses.

pub use crate::text::{clean, clean_to};
