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
//! Except for `mcp`, these modules are in the crate `mcpo-runtime-oauth`.
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
//! The crate `mcpo-runtime-oauth` has everything that does not use rmcp, in separate layers. Above it
//! are the modules [`login`], [`store`], `upstream_error`, `caller`, `mcp` and `server`; each imports
//! only those before it.

#![warn(missing_debug_implementations)]

mod caller;
pub mod login;
mod mcp;
mod server;
pub mod store;
mod upstream_error;

#[doc(inline)]
pub use mcpo_runtime_oauth::{
    base::{
        clock::{Clock, SystemClock, Timestamp},
        error::{ConfigErrors, Error},
        seal::{KeyRing, KeyRingError},
    },
    config::Config,
    login::{UpstreamToken, UpstreamTokens},
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
};

pub use self::{
    caller::Caller,
    mcp::{SharedHandler, needs_scopes},
    server::{Server, serve, serve_with},
    upstream_error::UpstreamError,
};
