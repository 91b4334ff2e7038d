//! Groups the checks of a probe into phases, for display.

use crate::rules::Rule;

/// A group of consecutive checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Discovery,
    SigningIn,
    Talking,
    Staying,
    Security,
}

impl Phase {
    /// All phases, in flow order.
    pub const ALL: [Self; 5] = [
        Self::Discovery,
        Self::SigningIn,
        Self::Talking,
        Self::Staying,
        Self::Security,
    ];

    /// Returns the phase that `rule` belongs to.
    pub fn of(rule: &Rule) -> Self {
        if rule.security {
            return Self::Security;
        }
        match rule.id {
            "address" | "challenge" | "resource-metadata" | "resource-identity"
            | "server-metadata" | "issuer-identity" | "pkce-support" => Self::Discovery,
            "registration" | "authorization" | "state" | "callback-issuer" | "token"
            | "token-caching" | "step-up" | "reauthorization" => Self::SigningIn,
            "stdio-start" | "stdio-output" | "stdio-exit" | "discover" | "initialize"
            | "server-card" | "versions" | "tools-list" | "tools-call" | "contract"
            | "both-forms" | "resources" | "prompts" | "browser-access" => Self::Talking,
            _ => Self::Staying,
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Discovery => "finding the sign-in",
            Self::SigningIn => "signing in",
            Self::Talking => "using the server",
            Self::Staying => "staying connected",
            Self::Security => "attacks",
        }
    }
}
