//! Tests of the `mcpo` binary with real folders and real processes.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[cfg(unix)]
mod action;
mod dev;
#[cfg(unix)]
mod dev_dependencies;
mod dev_edits;
mod dev_events;
// These tests get their terminals from `script` (util-linux) and `stty` (GNU).
#[cfg(target_os = "linux")]
mod dev_keys;
#[cfg(target_os = "linux")]
mod dev_limits;
#[cfg(target_os = "linux")]
mod dev_localhost;
mod dev_loops;
mod dev_machines;
#[cfg(unix)]
mod dev_network;
#[cfg(unix)]
mod dev_private;
#[cfg(unix)]
mod dev_processes;
mod dev_proxy;
#[cfg(target_os = "linux")]
mod dev_suspend;
#[cfg(unix)]
mod dev_tunnel;
#[cfg(unix)]
mod installer;
mod mistakes;
mod modules;
mod new;
#[cfg(unix)]
mod new_failures;
mod new_foreign;
mod packages;
mod public_api;
// These tests get their terminals from `script` (util-linux).
#[cfg(target_os = "linux")]
mod new_hostile;
mod new_upgrade;
mod running;
mod tool;
