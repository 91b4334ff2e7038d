//! Black-box tests of `mcpo probe`: the real binary against real servers on real sockets.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod accepted;
#[cfg(unix)]
mod browser;
mod command_line;
mod connection;
mod contract;
mod faults;
mod fixed_token;
mod healthy;
mod hostile;
mod lifecycle;
mod profiles;
mod refusals;
mod report_formats;
mod reuse;
mod runtime;
mod security;
mod stdio;
mod stores;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod variants;
mod watch;
mod wrong_address;
