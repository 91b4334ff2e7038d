//! Checks of an ID token before its user counts as signed in (OpenID Connect Core §3.1.3.7).
//! Signature, issuer and times are checked in `jwt`, as for all tokens.

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use super::settings::OpenId;
use crate::jwt::{Claims, JwtError, JwtHeader, SKEW, TokenError};
use crate::login::provider_error::ProviderError;

/// The highest age of an ID token. Only a redirect and one request happen between its issue and its
/// arrival.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

impl OpenId {
    /// Verifies the ID token of a sign-in: it must belong to this request and to this access token.
    pub(super) async fn first_id_token(
        &self,
        unverified: &str,
        nonce: &str,
        access_token: &str,
    ) -> Result<Claims, ProviderError> {
        let (head, claims) = self.id_token(unverified).await?;
        let told = claims.text("nonce").unwrap_or_default();
        if !bool::from(told.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err(fault(JwtError::OtherSignIn("nonce")));
        }
        if claims.get("at_hash").is_some()
            && claims.text("at_hash") != Some(&head.half_digest(access_token))
        {
            return Err(fault(JwtError::OtherSignIn("at_hash")));
        }
        Ok(claims)
    }

    /// Verifies an ID token from a token renewal (OpenID Connect Core §12.2).
    pub(super) async fn later_id_token(&self, unverified: &str) -> Result<Claims, ProviderError> {
        self.id_token(unverified).await.map(|(_, claims)| claims)
    }

    async fn id_token(&self, unverified: &str) -> Result<(JwtHeader, Claims), ProviderError> {
        let now = self.clock.now();
        let (head, claims) = self.issuer.verify(unverified, now).await?;
        if let Some(kind) = head.kind.as_deref().filter(|kind| *kind != "jwt") {
            let short: String = kind.chars().take(32).collect();
            return Err(fault(JwtError::Type(short.escape_debug().to_string())));
        }
        let audiences = claims.texts("aud");
        let party = claims.text("azp");
        let is_ours = audiences.contains(&&*self.client_id)
            // With several audiences, `azp` must say that the token was issued to this client.
            && (audiences.len() == 1 || party.is_some());
        if !is_ours {
            return Err(fault(JwtError::audience(&audiences, &[&*self.client_id])));
        }
        if claims.get("azp").is_some() && party != Some(&self.client_id) {
            return Err(fault(JwtError::Claim("azp")));
        }
        let issued_at = claims.time("iat").map_err(fault)?;
        let issued_at = issued_at.ok_or_else(|| fault(JwtError::Claim("iat")))?;
        if now.since(issued_at) > MAX_AGE + SKEW {
            return Err(fault(JwtError::Expired));
        }
        Ok((head, claims))
    }
}

fn fault(fault: JwtError) -> ProviderError {
    TokenError::Token(fault).into()
}
