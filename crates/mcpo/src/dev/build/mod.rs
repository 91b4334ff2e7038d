//! Turns a change into an executable.
//!
//! The [`builder`] builds the latest state, by cargo or directly by rustc ([`fast_build`]). The
//! change queue in front of it holds changes back while a project rebuilds in a loop.

mod artifact_name;
pub mod builder;
pub mod cargo;
pub mod change_queue;
mod copy_tree;
mod dependency_cache;
pub mod fast_build;
mod loop_detector;
mod progress;
mod restart_backoff;
mod rustc_wrapper;
pub mod target_folder;
mod vendored_runtime;
