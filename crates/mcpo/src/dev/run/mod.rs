//! Runs the server: one process at a time behind one listener.
//!
//! The [`supervisor`] replaces the running server only by one that is ready. A server reports its
//! state and its requests through the notify channel.

pub mod executable;
pub mod listener;
pub mod notify_channel;
pub mod port_owner;
mod server;
pub mod socket;
pub mod supervisor;
mod suspend_aware_timeout;
mod unavailable;
