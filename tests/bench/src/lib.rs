//! What the runtime costs, measured from outside: the servers that are compared are processes of
//! their own, and the measuring process only sends requests and reads the system's accounts.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a measurement that cannot be taken ends the run"
)]

pub mod calls;
pub mod flow;
pub mod server;
pub mod table;
pub mod trivial;
pub mod wire;
