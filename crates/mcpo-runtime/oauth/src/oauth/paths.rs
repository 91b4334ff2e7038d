//! The paths of all endpoints, in the order in which a client calls them.

/// The page about this server, for users.
pub(crate) const HOME: &str = "/";
/// The MCP endpoint, which is also the protected resource.
pub const MCP: &str = "/mcp";
/// A frequent typing error.
pub(crate) const MCP_WITH_SLASH: &str = "/mcp/";
pub(crate) const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
pub(crate) const RESOURCE_METADATA_ROOT: &str = "/.well-known/oauth-protected-resource";
pub(crate) const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";
pub(crate) const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// The token that ChatGPT reads before a submission.
pub(crate) const OPENAI_CHALLENGE: &str = "/.well-known/openai-apps-challenge";
pub(crate) const REGISTER: &str = "/register";
pub(crate) const AUTHORIZE: &str = "/authorize";
pub(crate) const SIGN_IN: &str = "/sign-in";
pub(crate) const CONSENT: &str = "/consent";
pub(crate) const TOKEN: &str = "/token";
pub(crate) const REVOKE: &str = "/revoke";
pub(crate) const INTROSPECT: &str = "/introspect";
pub(crate) const HEALTH: &str = "/health";

/// Returns the name of the OAuth or MCP step that `path` belongs to.
#[must_use]
#[inline]
pub fn step(path: &str) -> &'static str {
    match path {
        RESOURCE_METADATA | RESOURCE_METADATA_ROOT => "resource metadata",
        SERVER_METADATA | OPENID_CONFIGURATION => "server metadata",
        OPENAI_CHALLENGE => "domain verification",
        REGISTER => "registration",
        AUTHORIZE => "authorization",
        SIGN_IN => "sign-in",
        CONSENT => "consent",
        TOKEN => "token",
        REVOKE => "revocation",
        INTROSPECT => "introspection",
        MCP => "mcp",
        _ => "other",
    }
}
