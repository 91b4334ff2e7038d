//! Why a server cannot start.

use std::{error::Error as StdError, io, net::SocketAddr};

use crate::{config::ConfigErrors, ledger::LedgerError};

/// Why a server cannot start, in words for the person who starts it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The environment has mistakes in it; all of them are named.
    #[error("the configuration cannot be used\n{0}")]
    Config(#[from] ConfigErrors),
    /// The ledger cannot be opened.
    #[error(
        "cannot use the ledger {path}: {}; put it elsewhere with MCPO_LEDGER=sqlite:PATH",
        crate::oauth_error::chain(source)
    )]
    Ledger {
        /// Where it was looked for.
        path: String,
        /// What went wrong.
        source: LedgerError,
    },
    /// The certificate authorities that are to be trusted beside the public ones cannot be used.
    #[error("{variable} {source}; it is {}", crate::tls::AUTHORITIES_HELP)]
    Authorities {
        /// The variable, with the path in it.
        variable: String,
        /// What is wrong.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Anyone who reaches the server could use its tools, and its owner has not said that this is
    /// wanted.
    #[error(
        "no sign-in is configured and {reached_at}, so anyone who reaches this server could use its \
         tools\nhelp: set ADMIN_PASSWORD, let users sign in elsewhere (GITHUB_CLIENT_ID, OIDC_ISSUER, \
         MCPO_AUTHORIZATION_SERVER), or set MCPO_OPEN_TO_ANYONE=1 if that is what you want"
    )]
    OpenAccess {
        /// The address or URL by which others reach it.
        reached_at: String,
    },
    /// A tool names scopes that cannot be.
    #[error(
        "the tool {tool} needs the scopes {scopes}, and one of them is not a scope name: visible \
         ASCII without spaces, quotes and backslashes"
    )]
    ToolScopes {
        /// The tool.
        tool: String,
        /// What it declares.
        scopes: String,
    },
    /// A tool declares other scopes in the list than by its name.
    #[error(
        "the tool {tool} needs other scopes in list_tools than in get_tool, and calls go by get_tool\n\
         help: return the same Tool from both"
    )]
    ToolScopesDiffer {
        /// The tool.
        tool: String,
    },
    /// The server implements something that its capabilities do not announce, so no client would ask
    /// for it.
    #[error(
        "the server implements {methods} but does not announce it, so clients never ask for it; in \
         get_info, announce it with {capabilities}"
    )]
    Unannounced {
        /// The methods that are implemented.
        methods: String,
        /// The capabilities to announce, as an expression of Rust.
        capabilities: String,
    },
    /// The address is taken or not allowed.
    #[error("cannot listen on {address}: {source}; choose another one with PORT and HOST")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something that a server cannot do without.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried, as a verb.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A fault of this crate.
    #[error("internal error: {0}")]
    Internal(Box<dyn StdError + Send + Sync>),
}

impl Error {
    pub(crate) fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    pub(crate) fn tool_scopes(tool: &str, scopes: String) -> Self {
        Self::ToolScopes {
            tool: tool.to_owned(),
            scopes,
        }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn ledger(path: &std::path::Path, source: LedgerError) -> Self {
        Self::Ledger {
            path: path.display().to_string(),
            source,
        }
    }
}
