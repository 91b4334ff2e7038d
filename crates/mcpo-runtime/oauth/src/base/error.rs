//! The reasons why a server cannot start.

use std::{error::Error as StdError, fmt, io, net::SocketAddr};

use super::error_chain::chain;

/// The accepted values of a variable with authorities.
pub(crate) const AUTHORITIES_HELP: &str = "certificates in PEM, or the path of a file with them";

/// Why a server cannot start, in words for its owner.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The environment has mistakes. The message lists all of them.
    #[error("invalid configuration\n{0}")]
    Config(#[from] ConfigErrors),
    /// The ledger cannot be opened.
    #[error(
        "cannot use the ledger {path}: {}; choose another path with MCPO_LEDGER=sqlite:PATH",
        chain(source.as_ref())
    )]
    #[non_exhaustive]
    GrantStore {
        /// The path of the ledger.
        path: String,
        /// The cause.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The certificate authorities to trust in addition to the public ones cannot be used.
    #[error("{variable} {source}; it must be {}", AUTHORITIES_HELP)]
    #[non_exhaustive]
    Authorities {
        /// The variable, with the path in it.
        variable: String,
        /// The cause.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Everyone who can connect could use the tools, and the owner has not allowed that explicitly.
    #[error(
        "no sign-in is configured and {reached_at}, so anyone who can connect could use the tools\n\
         help: set ADMIN_PASSWORD, let users sign in elsewhere (GITHUB_CLIENT_ID, OIDC_ISSUER, \
         MCPO_AUTHORIZATION_SERVER), or set MCPO_OPEN_TO_ANYONE=1 if that is what you want"
    )]
    #[non_exhaustive]
    OpenAccess {
        /// The address or URL at which the server is reachable.
        reached_at: String,
    },
    /// A tool declares scopes that are not valid scope names.
    #[error(
        "the tool {tool} needs the scopes {scopes}, and one of them is not a valid scope name: \
         use visible ASCII without spaces, quotes and backslashes"
    )]
    #[non_exhaustive]
    ToolScopes {
        /// The tool.
        tool: String,
        /// The scopes that it declares.
        scopes: String,
    },
    /// `list_tools` and `get_tool` declare different scopes for the same tool.
    #[error(
        "the tool {tool} needs other scopes in list_tools than in get_tool\n\
         help: return the same Tool from both"
    )]
    #[non_exhaustive]
    ToolScopesDiffer {
        /// The tool.
        tool: String,
    },
    /// The address is in use, or binding to it is not allowed.
    #[error("cannot listen on {address}: {source}; choose another address with PORT and HOST")]
    #[non_exhaustive]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The operating system refused something that the server needs.
    #[error("cannot {action}: {source}")]
    #[non_exhaustive]
    System {
        /// What failed, as a verb phrase.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A bug in this crate.
    #[error("internal error: {0}")]
    #[non_exhaustive]
    Internal(Box<dyn StdError + Send + Sync>),
}

impl Error {
    pub(crate) fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn ledger(
        path: &std::path::Path,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::GrantStore {
            path: path.display().to_string(),
            source: source.into(),
        }
    }
}

/// Returns [`Error::Internal`]. The variants are `#[non_exhaustive]`, so this function and the
/// following ones create them for `mcpo-runtime`.
pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    Error::internal(cause)
}

/// Returns [`Error::ToolScopes`].
#[must_use]
pub fn tool_scopes(tool: &str, scopes: String) -> Error {
    Error::ToolScopes {
        tool: tool.to_owned(),
        scopes,
    }
}

/// Returns [`Error::ToolScopesDiffer`].
#[must_use]
pub fn tool_scopes_differ(tool: &str) -> Error {
    Error::ToolScopesDiffer {
        tool: tool.to_owned(),
    }
}

/// Returns [`Error::System`].
#[must_use]
pub const fn system(action: &'static str, source: io::Error) -> Error {
    Error::System { action, source }
}

/// All mistakes in the environment.
#[derive(Debug, thiserror::Error)]
#[error("{}", Lines(.0))]
pub struct ConfigErrors(pub(crate) Vec<ConfigError>);

/// An environment variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The variable or, for a value that was set in code, the function.
    pub(crate) name: &'static str,
    /// The value, unless it is a secret.
    pub(crate) value: Option<String>,
    pub(crate) problem: String,
    pub(crate) allowed: &'static str,
}

struct Lines<'a>(&'a [ConfigError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            formatter.write_str(error.name)?;
            if let Some(value) = &error.value {
                write!(formatter, "={value:?}")?;
            }
            write!(formatter, " {}; {}", error.problem, error.allowed)?;
        }
        Ok(())
    }
}
