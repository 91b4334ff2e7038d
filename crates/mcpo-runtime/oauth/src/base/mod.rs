//! The lowest layer: time, randomness, sealing, errors, the log context of a request, and the
//! channel to the parent process.

pub mod clock;
pub mod dev_channel;
pub mod error;
pub(crate) mod error_chain;
pub(crate) mod random;
pub mod request_log;
pub mod seal;
pub(crate) mod suspension;
pub mod task;
