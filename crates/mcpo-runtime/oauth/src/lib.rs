//! The parts of `mcpo-runtime` that do not use rmcp: the authorization server, the resource server,
//! sign-in, the ledger and the configuration.
//!
//! This crate is not a public API: any release may change everything in it, and `mcpo-runtime`
//! requires exactly its own version. Use `mcpo-runtime`, which exports what servers need.
//!
//! It is a separate crate because cargo compiles crates in parallel: this one is compiled while
//! rmcp is, which makes the first build of a project shorter.
//!
//! # Layers
//!
//! Each layer imports only those before it: [`base`], [`logging`], [`net`], [`store`], `jwt`,
//! [`login`], [`oauth`], [`upstream`], [`pages`], [`state`], [`resource_server`], [`endpoints`],
//! [`config`], [`assembly`].

#![warn(missing_debug_implementations)]

pub mod assembly;
pub mod base;
pub mod config;
pub mod endpoints;
#[cfg(test)]
mod fixtures;
mod jwt;
pub mod logging;
pub mod login;
pub mod net;
pub mod oauth;
pub mod pages;
pub mod resource_server;
pub mod state;
pub mod store;
pub mod upstream;
