//! The headers that a client sends because its user entered them, such as a fixed token.

use serde::Deserialize;

/// Whether the client sends headers that its user enters.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum CanSend {
    All,
    /// With limits.
    Some,
    None,
}

/// What is known about such headers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestHeaders {
    pub can_send: CanSend,
    /// For a sentence: `sends such headers only {limits}`.
    pub limits: Option<String>,
    /// What to add to the command that adds the server; `{name}` is the header.
    pub how: Option<String>,
}
