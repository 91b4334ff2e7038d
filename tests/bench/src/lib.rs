//! Benchmarks of the runtime, measured from outside. The compared servers are separate processes;
//! the benchmark process only sends requests and reads the system's statistics.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a failed measurement ends the run"
)]

pub mod calls;
pub mod connection;
pub mod flow;
pub mod server;
pub mod table;
pub mod trivial;
