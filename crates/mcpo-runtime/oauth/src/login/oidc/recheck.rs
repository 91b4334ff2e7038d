//! Checks users who signed in before, and renews their tokens.

use std::time::Duration;

use super::{claims::UserClaims, settings::OpenId};
use crate::login::{
    contract::{Identity, LoginError},
    provider_error::{ProviderError, recheck_error},
    upstream_tokens::UpstreamTokens,
};

/// How long the claims of an ID token are trusted.
const MAX_CLAIMS_AGE: Duration = Duration::from_secs(60 * 60);

impl OpenId {
    pub(super) async fn still_allowed(
        &self,
        identity: &Identity,
        tokens: &UpstreamTokens,
    ) -> Result<(), LoginError> {
        let user = tokens.note().and_then(UserClaims::from_note);
        let user =
            user.ok_or_else(|| LoginError::refused("no information about the sign-in is stored"))?;
        // The userinfo endpoint is asked even if no claim matters, because its response also shows
        // that an account was closed.
        let user = if user.has_userinfo {
            let asked = self
                .with_current_userinfo(user, tokens.access_token())
                .await;
            asked.map_err(|error| recheck_error(&self.title, error))?
        } else {
            user
        };
        if self.subject(&user.subject) != identity.subject() {
            return Err(LoginError::refused("the token belongs to another account"));
        }
        if !self.allow_list.allows(&user) {
            return Err(LoginError::refused("no longer on the allow-list"));
        }
        Ok(())
    }

    pub(super) async fn renewed(&self, old: &UpstreamTokens) -> Result<UpstreamTokens, LoginError> {
        let token = old
            .refresh_token()
            .ok_or_else(|| LoginError::refused("there is no refresh token"))?;
        let user = old.note().and_then(UserClaims::from_note);
        let user =
            user.ok_or_else(|| LoginError::refused("no information about the sign-in is stored"))?;
        let failed = |error| recheck_error(&self.title, error);
        let received = self.refresh(token).await.map_err(failed)?;
        let Some(id_token) = &received.id_token else {
            // The ID token is optional here (OpenID Connect Core §12.2).
            return if self.allow_list.needs_claims() && user.rests_on_id_token(&self.allow_list) {
                let why = "the provider no longer reports whether the user is allowed";
                Err(LoginError::refused(why))
            } else {
                Ok(self.with_claims_noted(received.tokens, &user))
            };
        };
        let user = match self.later_id_token(id_token).await {
            Ok(claims) => user
                .with_id_token(&claims, &self.claim_names, &self.allow_list)
                .ok_or_else(|| LoginError::refused("the new id token is for another user"))?,
            // The old refresh token is used up, so these tokens are kept unchecked. The next ones
            // are checked again.
            Err(ProviderError::Unavailable(why)) => {
                tracing::warn!(%why, "cannot verify an id token at the moment");
                user
            }
            Err(other) => return Err(failed(other)),
        };
        Ok(self.with_claims_noted(received.tokens, &user))
    }

    /// Adds the claims about the user to the tokens. If the claims depend on the ID token, the
    /// tokens are renewed within an hour, so that a user who is removed loses access by then.
    pub(super) fn with_claims_noted(
        &self,
        tokens: UpstreamTokens,
        user: &UserClaims,
    ) -> UpstreamTokens {
        let tokens = tokens.with_note(user.to_note());
        let lifetime = tokens.lifetime();
        if user.rests_on_id_token(&self.allow_list)
            && lifetime.is_none_or(|lifetime| lifetime > MAX_CLAIMS_AGE)
        {
            tokens.with_lifetime(MAX_CLAIMS_AGE)
        } else {
            tokens
        }
    }
}
