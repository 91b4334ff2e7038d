//! The OAuth runtime from outside: real sockets, real requests. Each test names the rows of
//! `tests/README.md` that it holds up.

mod flow;
