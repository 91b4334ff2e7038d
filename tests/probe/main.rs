//! Black-box tests of `mcpo probe`: the real binary against real servers on real sockets.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod accepted;
mod broken;
#[cfg(unix)]
mod browser;
mod connection;
mod documents;
mod healthy;
mod hostile;
mod lifecycle;
mod machine;
mod profiles;
mod refusals;
mod reuse;
mod runtime;
mod security;
mod stores;
mod support;
#[cfg(target_os = "linux")]
mod terminal;
mod watch;
