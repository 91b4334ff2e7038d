//! Whether somebody who signed in before may still come in, and what keeps them signed in.

use std::time::Duration;

use super::{OpenId, Trouble, facts::Facts};
use crate::{
    login::{Identity, LoginError},
    upstream::UpstreamTokens,
};

/// How long what an id token says is believed.
const HOUR: Duration = Duration::from_secs(60 * 60);

impl OpenId {
    pub(super) async fn still_allowed(
        &self,
        identity: &Identity,
        tokens: &UpstreamTokens,
    ) -> Result<(), LoginError> {
        let facts = tokens.note().and_then(Facts::from_note);
        let facts = facts.ok_or_else(|| LoginError::refused("nothing is known of the sign-in"))?;
        // Asked even where no claim matters: an account that is closed is told by it as well.
        let facts = if facts.has_userinfo {
            let asked = self.asked_again(facts, tokens.access_token()).await;
            asked.map_err(standing)?
        } else {
            facts
        };
        if self.subject(&facts.subject) != identity.subject() {
            return Err(LoginError::refused("the token is another account's"));
        }
        if !self.allowed.lets_in(&facts) {
            return Err(LoginError::refused("not on the allow-list any more"));
        }
        Ok(())
    }

    pub(super) async fn renewed(&self, old: &UpstreamTokens) -> Result<UpstreamTokens, LoginError> {
        let token = old
            .refresh_token()
            .ok_or_else(|| LoginError::refused("there is no refresh token"))?;
        let facts = old.note().and_then(Facts::from_note);
        let facts = facts.ok_or_else(|| LoginError::refused("nothing is known of the sign-in"))?;
        let handed = self.refresh(token).await.map_err(standing)?;
        let Some(id_token) = &handed.id_token else {
            // OpenID Connect Core §12.2 lets it be left out.
            return if self.allowed.needs_claims() && facts.rests_on_id_token(&self.allowed) {
                let why = "the provider does not say any more who may come in";
                Err(LoginError::refused(why))
            } else {
                Ok(self.noted(handed.tokens, &facts))
            };
        };
        let facts = match self.later_id_token(id_token).await {
            Ok(claims) => facts
                .with_id_token(&claims, &self.told_by, &self.allowed)
                .ok_or_else(|| LoginError::refused("the new id token is about somebody else"))?,
            // The old refresh token is spent, so these tokens are kept as they are; the next ones
            // are looked at again.
            Err(Trouble::OutOfReach(why)) => {
                tracing::warn!(%why, "an id token cannot be verified now");
                facts
            }
            Err(other) => return Err(standing(other)),
        };
        Ok(self.noted(handed.tokens, &facts))
    }

    /// Tokens with what is known of the person. Where that rests on the id token, they are renewed
    /// within the hour, so that there is a new one: whoever is out has to be out by then.
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

/// What it means for somebody who signed in before: only a clear no ends that.
fn standing(trouble: Trouble) -> LoginError {
    match trouble {
        Trouble::Refused(why) => LoginError::Refused(why),
        Trouble::OutOfReach(why) | Trouble::Unexpected(why) => {
            tracing::warn!(%why, "the OpenID provider is of no help");
            LoginError::unavailable("the provider does not answer as it should")
        }
    }
}
