//! The OAuth runtime from outside: real sockets, real requests. Each test names the rows of
//! `tests/README.md` that it holds up.

mod authorize;
mod bearer;
mod code;
mod discovery;
mod hostile;
mod introspect;
mod mcp;
mod refresh;
mod register;
mod restart;
mod sign_in;
