//! Checks users who signed in before, and renews their tokens.

use std::time::Duration;

use super::{claims::Facts, settings::OpenId};
use crate::login::{
    contract::{Identity, LoginError},
    provider_error::Trouble,
    upstream_tokens::UpstreamTokens,
};

/// How long the claims of an ID token are trusted.
const HOUR: Duration = Duration::from_secs(60 * 60);

impl OpenId {
    pub(super) async fn still_allowed(
        &self,
        identity: &Identity,
        tokens: &UpstreamTokens,
    ) -> Result<(), LoginError> {
        let facts = tokens.note().and_then(Facts::from_note);
        let facts = facts
            .ok_or_else(|| LoginError::refused("no information about the sign-in is stored"))?;
        // The userinfo endpoint is asked even if no claim matters, because its response also shows
        // that an account was closed.
        let facts = if facts.has_userinfo {
            let asked = self.asked_again(facts, tokens.access_token()).await;
            asked.map_err(standing)?
        } else {
            facts
        };
        if self.subject(&facts.subject) != identity.subject() {
            return Err(LoginError::refused("the token belongs to another account"));
        }
        if !self.allowed.lets_in(&facts) {
            return Err(LoginError::refused("no longer on the allow-list"));
        }
        Ok(())
    }

    pub(super) async fn renewed(&self, old: &UpstreamTokens) -> Result<UpstreamTokens, LoginError> {
        let token = old
            .refresh_token()
            .ok_or_else(|| LoginError::refused("there is no refresh token"))?;
        let facts = old.note().and_then(Facts::from_note);
        let facts = facts
            .ok_or_else(|| LoginError::refused("no information about the sign-in is stored"))?;
        let handed = self.refresh(token).await.map_err(standing)?;
        let Some(id_token) = &handed.id_token else {
            // The ID token is optional here (OpenID Connect Core §12.2).
            return if self.allowed.needs_claims() && facts.rests_on_id_token(&self.allowed) {
                let why = "the provider no longer reports whether the user is allowed";
                Err(LoginError::refused(why))
            } else {
                Ok(self.noted(handed.tokens, &facts))
            };
        };
        let facts = match self.later_id_token(id_token).await {
            Ok(claims) => facts
                .with_id_token(&claims, &self.told_by, &self.allowed)
                .ok_or_else(|| LoginError::refused("the new id token is for another user"))?,
            // The old refresh token is used up, so these tokens are kept unchecked. The next ones
            // are checked again.
            Err(Trouble::OutOfReach(why)) => {
                tracing::warn!(%why, "cannot verify an id token at the moment");
                facts
            }
            Err(other) => return Err(standing(other)),
        };
        Ok(self.noted(handed.tokens, &facts))
    }

    /// Adds the facts about the user to the tokens. If the facts depend on the ID token, the tokens
    /// are renewed within an hour, so that a user who is removed loses access by then.
    pub(super) fn noted(&self, tokens: UpstreamTokens, facts: &Facts) -> UpstreamTokens {
        let tokens = tokens.with_note(facts.to_note());
        let lifetime = tokens.lifetime();
        if facts.rests_on_id_token(&self.allowed) && lifetime.is_none_or(|lifetime| lifetime > HOUR)
        {
            tokens.with_lifetime(HOUR)
        } else {
            tokens
        }
    }
}

/// Maps a failure to an error for a user who signed in before. Only a clear refusal ends the
/// sign-in.
fn standing(trouble: Trouble) -> LoginError {
    match trouble {
        Trouble::Refused(why) => LoginError::Refused(why),
        Trouble::OutOfReach(why) | Trouble::Unexpected(why) => {
            tracing::warn!(%why, "cannot check the user with the OpenID provider");
            LoginError::unavailable("the provider does not respond as expected")
        }
    }
}
