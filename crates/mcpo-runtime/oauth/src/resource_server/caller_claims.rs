//! What a token says about its caller.

use std::{fmt, sync::Arc};

use super::external::ExternalClaims;
use crate::{
    login::{Subject, UpstreamToken},
    oauth::{grant::AccessToken, scope::Scopes},
    store::GrantId,
    upstream::TokenCache,
};

/// The user and the client that a token was issued to.
#[derive(Debug)]
pub struct CallerClaims {
    subject: String,
    name: Option<String>,
    scopes: Scopes,
    client_name: Option<String>,
    upstream: Upstream,
    /// `None` if an external authorization server issued the token.
    grant: Option<GrantId>,
}

/// The source of the provider's tokens.
pub enum Upstream {
    /// The user has not signed in at a provider, or the login keeps no tokens.
    None,
    /// A fixed token, for tests.
    Fixed(UpstreamToken),
    /// The record of the sign-in.
    SignInRecord(Arc<TokenCache>, GrantId),
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("None"),
            Self::Fixed(_) => formatter.write_str("Fixed(…)"),
            Self::SignInRecord(_, id) => write!(formatter, "SignInRecord({id:?})"),
        }
    }
}

impl CallerClaims {
    /// Creates the claims of a user without a token of this server.
    pub fn of_subject(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            name: None,
            scopes: Scopes::default(),
            client_name: None,
            upstream: Upstream::None,
            grant: None,
        }
    }

    /// Returns these claims with a fixed token of the provider.
    #[must_use]
    pub fn with_upstream(self, token: impl Into<String>) -> Self {
        Self {
            upstream: Upstream::Fixed(UpstreamToken::new(token)),
            ..self
        }
    }

    /// Returns the claims of a user who has signed in at this server.
    pub fn of_user(subject: Subject, scopes: Scopes, tokens: &Arc<TokenCache>) -> Self {
        let record = |id| Upstream::SignInRecord(Arc::clone(tokens), id);
        Self {
            name: subject.name,
            scopes,
            upstream: subject.upstream.map_or(Upstream::None, record),
            ..Self::of_subject(subject.id)
        }
    }

    pub(super) fn from_token(token: AccessToken, tokens: &Arc<TokenCache>) -> Self {
        let grant = token.grant;
        Self {
            client_name: Some(grant.client_name),
            grant: Some(grant.id),
            ..Self::of_user(grant.subject, grant.scopes, tokens)
        }
    }

    /// Returns the claims of a token of the external authorization server.
    pub(super) fn from_external(claims: ExternalClaims) -> Self {
        Self {
            name: claims.name,
            scopes: claims.scopes,
            client_name: claims.client,
            ..Self::of_subject(claims.subject)
        }
    }

    /// The subject of the user: stable, and unique within this server. Empty without a token.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The user's name at the sign-in.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The scopes that the user granted.
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The client's name for itself. It is not verified.
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    /// The source of the provider's tokens.
    pub const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The grant of the token, if this server issued the token.
    pub const fn grant(&self) -> Option<GrantId> {
        self.grant
    }

    /// The record of the sign-in, if there is one.
    pub const fn sign_in(&self) -> Option<GrantId> {
        match self.upstream {
            Upstream::SignInRecord(_, id) => Some(id),
            Upstream::None | Upstream::Fixed(_) => None,
        }
    }
}
