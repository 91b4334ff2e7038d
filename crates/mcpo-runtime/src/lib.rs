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
//! 1. It calls `/mcp` without a token and gets a challenge that points to the metadata (`bearer`).
//! 2. It reads the metadata of the resource and of the authorization server (`discovery`).
//! 3. It registers (`register`) and gets a client id that does not expire.
//! 4. It sends the user to `/authorize` (`authorize`). The user signs in (`sign_in`) and allows or
//!    denies access (`consent`). The client gets an authorization code.
//! 5. It exchanges the code for tokens, and later the refresh token for new ones (`token`).
//! 6. It calls tools (`mcp`). Each tool can ask who the caller is ([`Caller`]).
//!
//! Client ids, codes and tokens are sealed under [`KeyRing`], so they stay valid across restarts,
//! redeployments and instances. The little state that must be stored is in a [`ledger`].

mod error;
pub use error::Error;

mod clock;
pub use clock::{Clock, SystemClock, Timestamp};

mod random;

mod tls;

mod outgoing;
pub use outgoing::http_client;
pub use reqwest;

mod seal;
pub use seal::{KeyRing, KeyRingError};

mod base_url;
pub use base_url::{BaseUrl, BaseUrlError};

mod config;
pub use config::{Config, ConfigErrors};

pub mod ledger;

mod app;

mod oauth_error;

mod params;

mod client_ip;
pub use client_ip::{TrustedProxies, TrustedProxiesError};

mod request_body;

mod throttle;

mod limits;

mod pages;

mod routes;

mod parent;

mod trail;

#[cfg(test)]
mod fixtures;

mod health;

mod host;

mod discovery;

mod redirect_uri;

mod client;
pub use client::{ConfiguredClient, ConfiguredClientError};

mod register;

mod browser;

pub mod login;

mod upstream;
pub use upstream::{UpstreamError, UpstreamToken, UpstreamTokens};

mod authorize;

mod sign_in;

mod consent;

mod departure;

mod name_owner;

mod callback;

mod scope;
pub use scope::{DEFAULT_SCOPE, Scopes};

mod grant;

mod token;

mod revoke;

mod introspect;

mod connection;

mod live;

mod known_keys;

mod ledger_clock;

mod suspension;

mod jwt;

mod external;
pub use external::{AuthorizationServer, AuthorizationServerError};

mod bearer;

mod caller;
pub use caller::Caller;

mod mcp;
pub use mcp::{SharedHandler, needs_scopes};

mod log;

mod serve;
pub use serve::{Server, serve, serve_with};
