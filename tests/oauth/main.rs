//! The OAuth runtime from outside: real sockets, real requests. Each test names the rows of
//! `tests/README.md` that it holds up.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot help fails its test"
)]

mod authorize;
mod bearer;
mod clients;
mod code;
mod discovery;
mod hostile;
mod introspect;
mod mcp;
mod refresh;
mod register;
mod restart;
mod sign_in;
