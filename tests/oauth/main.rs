//! Tests of the OAuth runtime from outside: real sockets, real requests. Test names start with the
//! ids of the requirements in `tests/README.md` that they cover.

#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod authorize;
mod bearer;
mod clients;
mod code;
mod connection;
mod consent;
mod cookbook;
mod crash;
mod custom_login;
mod dev_mode;
mod discovery;
mod examples;
mod external;
mod github;
mod github_access;
mod github_faults;
mod github_log;
mod introspect;
mod layers;
mod ledger_faults;
mod limits;
mod mcp;
mod mounted;
mod not_before;
mod openid;
mod pages;
#[cfg(unix)]
mod paused;
mod proxies;
mod random_requests;
mod refresh;
mod register;
mod requirements;
mod restart;
mod rotation;
mod scopes;
mod server_card;
mod sign_in;
#[cfg(target_os = "linux")]
mod sleep;
mod upstream;
