//! The `User-Agent` headers of a client.

use serde::Deserialize;

/// The `User-Agent` of a client by kind of request. Empty: the client sends no such header. `None`:
/// unknown, so the probe sends its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserAgents {
    /// In the first MCP request, which has no token; if unknown, as in the other MCP requests.
    pub first: Option<String>,
    /// In requests for metadata, registration and tokens.
    pub oauth: Option<String>,
    /// In MCP requests.
    pub mcp: Option<String>,
}
