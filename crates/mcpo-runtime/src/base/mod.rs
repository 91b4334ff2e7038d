//! The lowest layer: time, randomness, sealing, errors, the log context of a request, and the
//! channel to the parent process.

pub(crate) mod clock;
pub(crate) mod dev_channel;
pub(crate) mod error;
pub(crate) mod error_chain;
pub(crate) mod random;
pub(crate) mod request_log;
pub(crate) mod seal;
pub(crate) mod suspension;
pub(crate) mod task;
