//! Which files matter, and when they change.
//!
//! The [`watcher`] combines the file events of one save into a
//! [`Change`](super::messages::change::Change), and ignores files that no build reads.

mod filter;
pub mod inputs;
pub mod polling;
mod snapshot;
pub mod stale_mtime;
mod suspend_detector;
pub mod watcher;
