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
    #[must_use]
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

    /// Returns the subject of the user: stable, and unique within this server. Empty without a token.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the user's name at the sign-in.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the scopes that the user granted.
    #[must_use]
    pub const fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Returns the client's name for itself. It is not verified.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    /// Returns the source of the provider's tokens.
    #[must_use]
    pub const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Returns the grant of the token, if this server issued the token.
    #[must_use]
    pub const fn grant(&self) -> Option<GrantId> {
        self.grant
    }

    /// Returns the record of the sign-in, if there is one.
    #[must_use]
    pub const fn sign_in(&self) -> Option<GrantId> {
        match self.upstream {
            Upstream::SignInRecord(_, id) => Some(id),
            Upstream::None | Upstream::Fixed(_) => None,
        }
    }
}
