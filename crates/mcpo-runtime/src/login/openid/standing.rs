//! Whether somebody who signed in before may still come in, and what keeps them signed in.

use super::{OpenId, Trouble, facts::Facts};
use crate::{
    login::{Identity, LoginError},
    upstream::UpstreamTokens,
};

impl OpenId {
    pub(super) async fn still_allowed(
        &self,
        identity: &Identity,
        tokens: &UpstreamTokens,
    ) -> Result<(), LoginError> {
        let facts = tokens.note().and_then(Facts::from_note);
        let facts = facts.ok_or_else(|| LoginError::refused("nothing is known of the sign-in"))?;
        // Asked even where no claim matters: an account that is closed is told by it as well.
        let facts = self
            .asked_again(facts, tokens.access_token())
            .await
            .map_err(standing)?;
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
        let handed = self.refresh(token).await.map_err(standing)?;
        let Some(id_token) = &handed.id_token else {
            return Ok(handed.tokens);
        };
        let claims = self.later_id_token(id_token).await.map_err(standing)?;
        let facts = old.note().and_then(Facts::from_note);
        let facts = facts.ok_or_else(|| LoginError::refused("nothing is known of the sign-in"))?;
        let facts = facts
            .with_id_token(&claims, &self.told_by, &self.allowed)
            .ok_or_else(|| LoginError::refused("the new id token is about somebody else"))?;
        Ok(handed.tokens.with_note(facts.to_note()))
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
