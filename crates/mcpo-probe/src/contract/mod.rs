//! The contract of a server: its tools, resources and prompts, as a file that a project keeps, and
//! the comparison of two versions.
//!
//! This module reads and writes lock files and classifies changes. It sends no requests and prints
//! nothing.

mod canonical;
mod change;
mod compare;
mod comparison;
mod file;
mod meta;
mod offers;
mod schema;
mod schema_changes;
mod snapshot;
#[cfg(test)]
#[cfg(feature = "json-schema")]
mod tests;
mod tools;

#[doc(hidden)]
pub use self::schema_changes::{input_changes, output_changes};
pub use self::{
    change::{Change, ChangeClass, Changes},
    comparison::{Comparison, Locked},
    file::LockFile,
    snapshot::{Contract, Lists},
};
