//! The catalogue of checks, in the order in which a client meets them.

/// The name of a check and the clause it is based on.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Stable id, for scripts.
    pub id: &'static str,
    /// The title in reports for people.
    pub title: &'static str,
    /// The specification, and the section in it.
    pub clause: &'static str,
    /// Whether this tests resistance to attacks, not service to clients.
    pub security: bool,
}

impl Rule {
    /// Returns true if the check decides what the users of a client see. Attacks show nothing to
    /// them, and a change of the contract is no problem of clients that connect now.
    pub(crate) fn is_about_clients(&self) -> bool {
        !self.security && self.id != CONTRACT.id
    }
}

macro_rules! rules {
    ($($name:ident: $id:literal, $title:literal, $clause:literal;)+) => {
        $(pub static $name: Rule = Rule { id: $id, title: $title, clause: $clause, security: false };)+

        /// Every rule, in flow order.
        static ALL: &[&Rule] = &[$(&$name),+];
    };
}

rules! {
    STDIO_START: "stdio-start", "process start",
        "MCP 2026-07-28 basic/transports/stdio; MCP 2025-11-25 basic/transports, stdio";
    ADDRESS: "address", "address",
        "MCP 2026-07-28 authorization, Communication Security; OAuth 2.1 §1.5";
    CHALLENGE: "challenge", "challenge",
        "RFC 9728 §5.1; RFC 6750 §3; MCP 2026-07-28 authorization, Protected Resource Metadata Discovery";
    RESOURCE_METADATA: "resource-metadata", "resource metadata",
        "RFC 9728 §3; MCP 2026-07-28 authorization, Protected Resource Metadata Discovery";
    RESOURCE_IDENTITY: "resource-identity", "resource name",
        "RFC 9728 §3.3; RFC 8707 §2";
    SERVER_METADATA: "server-metadata", "issuer metadata",
        "RFC 8414 §3; MCP 2026-07-28 authorization, Authorization Server Metadata Discovery";
    ISSUER_IDENTITY: "issuer-identity", "issuer name",
        "RFC 8414 §3.3";
    PKCE_SUPPORT: "pkce-support", "PKCE offered",
        "MCP 2026-07-28 authorization, Authorization Code Protection; RFC 8414 §2";
    REGISTRATION: "registration", "registration",
        "RFC 7591 §3; MCP 2026-07-28 authorization, Client Registration Approaches";
    AUTHORIZATION: "authorization", "authorization",
        "OAuth 2.1 §4.1.1; RFC 8707 §2.1";
    STATE: "state", "state returned",
        "RFC 6749 §4.1.2 and §10.12";
    CALLBACK_ISSUER: "callback-issuer", "issuer returned",
        "RFC 9207 §2.4";
    TOKEN: "token", "token",
        "RFC 6749 §4.1.3 and §5.1; RFC 7636 §4.5; RFC 8707 §2.2";
    TOKEN_CACHING: "token-caching", "token not cached",
        "RFC 6749 §5.1";
    DISCOVER: "discover", "server/discover",
        "MCP 2026-07-28, server/discover";
    INITIALIZE: "initialize", "initialize",
        "MCP 2025-11-25 basic/lifecycle, Initialization";
    SERVER_CARD: "server-card", "server card",
        "MCP 2026-07-28, server/discover; MCP 2025-11-25 basic/lifecycle, Initialization";
    VERSIONS: "versions", "versions",
        "MCP 2025-11-25 basic/lifecycle, Version Negotiation; MCP 2026-07-28 basic/versioning";
    TOOLS_LIST: "tools-list", "tools/list",
        "MCP server/tools, Listing Tools";
    TOOLS_CALL: "tools-call", "tools/call",
        "MCP server/tools, Calling Tools";
    RESOURCES: "resources", "resources",
        "MCP server/resources, Listing Resources, Reading Resources, Resource Templates";
    PROMPTS: "prompts", "prompts",
        "MCP server/prompts, Listing Prompts, Getting a Prompt";
    CONTRACT: "contract", "contract",
        "the lock file of --locked";
    BOTH_FORMS: "both-forms", "older clients",
        "MCP 2026-07-28 basic/versioning, Backward Compatibility";
    BROWSER_ACCESS: "browser-access", "browser access",
        "Fetch Standard, CORS protocol; MCP Inspector runs in a browser";
    STDIO_EXIT: "stdio-exit", "process end",
        "MCP 2026-07-28 basic/transports/stdio, Shutdown; MCP 2025-11-25 basic/lifecycle, Shutdown";
    STDIO_OUTPUT: "stdio-output", "stdout",
        "MCP 2026-07-28 basic/transports/stdio; MCP 2025-11-25 basic/transports, stdio";
    STEP_UP: "step-up", "step-up",
        "MCP 2026-07-28 authorization, Scope Challenge Handling; RFC 6750 §3.1";
    REAUTHORIZATION: "reauthorization", "new sign-in",
        "MCP 2026-07-28 authorization, Authorization Server Discovery; RFC 6750 §3.1";
    KEPT_ACCESS: "kept-access", "token kept",
        "RFC 6749 §1.4; clients keep their tokens across redeploys";
    KEPT_REFRESH: "kept-refresh", "refresh kept",
        "RFC 6749 §1.5; clients keep client id and refresh token across redeploys";
    COLD: "cold", "cold start",
        "claude.ai gives up after 10 s";
    REFRESH: "refresh", "refresh",
        "RFC 6749 §6; OAuth 2.1 §4.3";
    INVALID_TOKEN: "invalid-token", "invalid token",
        "RFC 6750 §3.1; MCP 2026-07-28 authorization, Token Handling";
    INVALID_REFRESH: "invalid-refresh", "invalid refresh",
        "RFC 6749 §5.2; clients sign in again only after invalid_grant";
}

/// Returns every rule, including those that only some probes reach.
#[cfg(test)]
pub fn every() -> impl Iterator<Item = &'static Rule> {
    ALL.iter().copied()
}

/// The rules that do not apply to a server without authentication.
pub static OAUTH: &[&Rule] = &[
    &RESOURCE_METADATA,
    &RESOURCE_IDENTITY,
    &SERVER_METADATA,
    &ISSUER_IDENTITY,
    &PKCE_SUPPORT,
    &REGISTRATION,
    &AUTHORIZATION,
    &STATE,
    &CALLBACK_ISSUER,
    &TOKEN,
    &TOKEN_CACHING,
];

/// The rules that do not apply if no sign-in is needed.
pub static SIGN_IN: &[&Rule] = &[
    &REGISTRATION,
    &AUTHORIZATION,
    &STATE,
    &CALLBACK_ISSUER,
    &TOKEN,
    &TOKEN_CACHING,
];

/// Returns every rule that a probe of a local server reaches, in flow order.
pub fn stdio() -> impl Iterator<Item = &'static Rule> {
    [
        &STDIO_START,
        &DISCOVER,
        &INITIALIZE,
        &SERVER_CARD,
        &TOOLS_LIST,
        &TOOLS_CALL,
        &RESOURCES,
        &PROMPTS,
        &BOTH_FORMS,
        &STDIO_EXIT,
        &STDIO_OUTPUT,
        &VERSIONS,
    ]
    .into_iter()
}

/// Returns every rule that each probe over HTTP reaches, in flow order. The other rules apply only if
/// the server, the client or a flag requires them.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let rare = [
        &STDIO_START,
        &STDIO_OUTPUT,
        &STDIO_EXIT,
        &CONTRACT,
        &STEP_UP,
        &REAUTHORIZATION,
        &BROWSER_ACCESS,
        &KEPT_ACCESS,
        &KEPT_REFRESH,
        &COLD,
    ];
    ALL.iter()
        .copied()
        .filter(move |rule| !rare.iter().any(|rare| rare.id == rule.id))
}
