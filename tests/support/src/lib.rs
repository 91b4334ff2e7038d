//! Fakes, real servers and helpers that the integration tests share.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a failing helper fails its test"
)]

pub mod acme;
pub mod caller_tools;
pub mod client;
pub mod clock;
pub mod faulty_ledger;
pub mod fixture;
pub mod github;
pub mod google;
pub mod http;
pub mod issuer;
pub mod oauth_server;
pub mod plain;
pub mod process;
pub mod proxied_browser;
pub mod redis;
pub mod sample;
pub mod server;
#[cfg(unix)]
pub mod system_sleep;
pub mod tiny;
pub mod vendored;
pub mod wait;
