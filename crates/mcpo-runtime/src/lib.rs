//! An MCP server runtime with OAuth 2.1 built in: write the tools and call [`serve()`], and every
//! MCP client can sign in.
//!
//! ```no_run
//! use mcpo_runtime::Caller;
//! use rmcp::{tool, tool_router};
//!
//! struct MyService;
//!
//! #[tool_router(server_handler)]
//! impl MyService {
//!     /// Return the name of the caller.
//!     #[tool]
//!     fn whoami(&self, caller: Caller) -> String {
//!         format!("You are {}", caller.subject())
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     mcpo_runtime::serve(MyService)
//! }
//! ```
//!
//! # What a client does, and which module handles it
//!
//! 1. It calls `/mcp` without a token and gets a challenge that points to the metadata
//!    (`resource_server`).
//! 2. It reads the metadata of the resource and of the authorization server
//!    (`endpoints::discovery`).
//! 3. It registers (`endpoints::register`) and gets a client id that does not expire.
//! 4. It sends the user to `/authorize` (`endpoints::authorize`). The user signs in
//!    (`endpoints::sign_in`) and allows or denies access (`endpoints::consent`). The client gets an
//!    authorization code.
//! 5. It exchanges the code for tokens, and later the refresh token for new ones
//!    (`endpoints::token`).
//! 6. It calls tools (`mcp`). Each tool can ask who the caller is ([`Caller`]).
//!
//! Client ids, codes and tokens are sealed under [`KeyRing`], so they stay valid across restarts,
//! redeployments and instances. The little state that must be stored is in a [`store`].
//!
//! # Layers
//!
//! Each layer imports only those before it: `base`, `net`, [`store`], `jwt`, [`login`], `oauth`,
//! `upstream`, `pages`, `state`, `resource_server`, `endpoints`, `config`, `mcp`, `server`.

#![warn(missing_debug_implementations)]

mod base;
mod config;
mod endpoints;
#[cfg(test)]
mod fixtures;
mod jwt;
pub mod login;
mod mcp;
mod net;
mod oauth;
mod pages;
mod resource_server;
mod server;
mod state;
pub mod store;
mod upstream;

pub use self::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        error::{ConfigErrors, Error},
        seal::{KeyRing, KeyRingError},
    },
    config::Config,
    login::upstream_tokens::{UpstreamToken, UpstreamTokens},
    mcp::{SharedHandler, needs_scopes},
    net::{
        api_client::{ApiClient, ApiError, ApiRequest, ApiResponse},
        client_ip::{TrustedProxies, TrustedProxiesError},
    },
    oauth::{
        authorization_server::{AuthorizationServer, AuthorizationServerError},
        base_url::{BaseUrl, BaseUrlError},
        client::{ConfiguredClient, ConfiguredClientError},
        scope::{DEFAULT_SCOPE, Scopes, ScopesError},
    },
    resource_server::caller::Caller,
    server::{Server, serve, serve_with},
    upstream::UpstreamError,
};
