//! A token that was validated, with its caller.

use std::sync::Arc;

use crate::{base::clock::Timestamp, oauth::grant::AccessToken, state::App, store::GrantId};

use super::{caller_claims::CallerClaims, external::ExternalClaims};

/// What an opened access token says about its caller.
#[derive(Debug)]
pub struct ValidatedToken {
    /// The user and the client.
    pub caller: Arc<CallerClaims>,
    /// `None` if an external authorization server issued the token.
    pub(super) grant: Option<GrantId>,
    pub(super) resource: String,
    pub(super) expires_at: Timestamp,
    pub(super) opened_at: Timestamp,
}

impl ValidatedToken {
    pub(super) fn new(mut token: AccessToken, app: &App) -> Self {
        Self {
            opened_at: app.now(),
            grant: Some(token.grant.id),
            resource: std::mem::take(&mut token.grant.resource),
            expires_at: token.expires_at,
            caller: Arc::new(CallerClaims::from_token(token, &app.upstream)),
        }
    }

    pub(super) fn from_external(claims: ExternalClaims, app: &App) -> Self {
        Self {
            grant: None,
            opened_at: app.now(),
            // The audience of the token has been verified.
            resource: app.bases.primary().resource(),
            expires_at: claims.expires_at,
            caller: Arc::new(CallerClaims::from_external(claims)),
        }
    }
}
