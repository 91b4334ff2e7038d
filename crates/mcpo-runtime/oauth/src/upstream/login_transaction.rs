//! Login transactions: one browser's redirect to the sign-in provider, stored in the record of the
//! sign-in until the provider's response arrives.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sign_in_record::{SignInRecords, SignInStage, SignedIn};
use crate::{
    base::seal::SealError,
    login::{LoginSecrets, UpstreamTokens, upstream_tokens::MAX_LEN},
    oauth::error::{ErrorCode, OAuthError},
    store::{GrantId, REFRESH_LIFETIME, Swap, Version},
};

/// How long a user may take at the provider.
const TRANSACTION_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// A redirect of one browser to the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginTransaction {
    pub(crate) browser: [u8; 16],
    /// The query of the authorization request that the user has allowed.
    pub(crate) query: String,
    pub(crate) secrets: LoginSecrets,
}

impl SignInRecords {
    /// Stores a redirect. Its id is the `state` of the request to the provider.
    pub(crate) async fn start_login(
        &self,
        transaction: LoginTransaction,
    ) -> Result<GrantId, OAuthError> {
        let id = GrantId::random()?;
        let expires_at = self.clock.now().plus(TRANSACTION_LIFETIME);
        match self
            .write(id, None, SignInStage::AtProvider(transaction), expires_at)
            .await?
        {
            Swap::Done => Ok(id),
            Swap::Conflict => Err(SealError.into()),
        }
    }

    /// Returns the redirect with this id and its version, if the user is still at the provider.
    /// [`Self::spend_state`] needs the version.
    pub(crate) async fn open_login(
        &self,
        id: GrantId,
    ) -> Result<Option<(LoginTransaction, Version)>, OAuthError> {
        let found = self.read(id).await?;
        Ok(found.and_then(|found| match found.stage {
            SignInStage::AtProvider(transaction) => Some((transaction, found.version)),
            SignInStage::Returned | SignInStage::SignedIn(_) => None,
        }))
    }

    /// Marks a redirect as used. Returns false if another request has just done so.
    pub(crate) async fn spend_state(
        &self,
        id: GrantId,
        version: Version,
    ) -> Result<bool, OAuthError> {
        let expires_at = self.clock.now().plus(TRANSACTION_LIFETIME);
        let swap = self
            .write(id, Some(version), SignInStage::Returned, expires_at)
            .await?;
        Ok(swap == Swap::Done)
    }

    /// Stores the tokens of a finished redirect in its record.
    pub(crate) async fn finish_login(
        &self,
        id: GrantId,
        tokens: UpstreamTokens,
    ) -> Result<(), OAuthError> {
        let gone = || OAuthError::invalid_request("the sign-in took too long, start again");
        if tokens.len() > MAX_LEN {
            tracing::error!(
                bytes = tokens.len(),
                limit = MAX_LEN,
                "the provider's tokens are too long to store"
            );
            return Err(OAuthError::new(
                ErrorCode::ServerError,
                "the tokens of the sign-in provider are too long for this server",
            ));
        }
        let found = self.read(id).await?.ok_or_else(gone)?;
        let SignInStage::Returned = found.stage else {
            return Err(gone());
        };
        let now = self.clock.now();
        let stage = SignInStage::SignedIn(SignedIn::new(tokens, now));
        let expires_at = now.plus(REFRESH_LIFETIME);
        match self
            .write(id, Some(found.version), stage, expires_at)
            .await?
        {
            Swap::Done => Ok(()),
            Swap::Conflict => Err(gone()),
        }
    }
}
