//! Validates the tokens of an external authorization server (RFC 9068).

use crate::{
    base::clock::Timestamp,
    jwt::{Claims, JwtError, JwtHeader, SKEW, TokenError},
    oauth::{
        authorization_server::ExternalServer,
        base_urls::BaseUrls,
        scope::{ScopePolicy, Scopes},
    },
};

/// The claims with scopes, in order of preference: RFC 9068 §2.2.3, then Okta and Entra.
const SCOPE_CLAIMS: [&str; 2] = ["scope", "scp"];
/// The claims with the client that the token was issued to: RFC 9068 §2.2, OpenID, Okta, Entra.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "cid", "appid"];
const NAME_CLAIMS: [&str; 3] = ["preferred_username", "email", "name"];

/// The contents of a valid token.
#[derive(Debug)]
pub(crate) struct ExternalClaims {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) scopes: Scopes,
    /// The expiry, including the allowed clock difference.
    pub(crate) expires_at: Timestamp,
}

impl ExternalServer {
    /// Verifies a token and returns its contents.
    pub(crate) async fn validate(
        &self,
        unverified: &str,
        bases: &BaseUrls,
        policy: &ScopePolicy,
        now: Timestamp,
    ) -> Result<ExternalClaims, TokenError> {
        let (head, claims) = self.issuer.verify(unverified, now).await?;
        is_access_token(&head, &claims)?;
        let audiences = claims.texts("aud");
        let is_ours = audiences.iter().any(|audience| {
            if self.settings.audiences.is_empty() {
                bases.is_own_resource(audience)
            } else {
                self.settings.audiences.iter().any(|ours| ours == audience)
            }
        });
        if !is_ours {
            let own = bases.primary().resource();
            let accepted: Vec<&str> = if self.settings.audiences.is_empty() {
                vec![&own]
            } else {
                self.settings.audiences.iter().map(String::as_str).collect()
            };
            return Err(JwtError::audience(&audiences, &accepted).into());
        }
        let subject = claims.text("sub").ok_or(JwtError::Claim("sub"))?;
        let expires_at = claims.time("exp")?.ok_or(JwtError::Claim("exp"))?;
        let first = |names: &[&str]| {
            let mut texts = names.iter().filter_map(|name| claims.text(name));
            texts.next().map(str::to_owned)
        };
        Ok(ExternalClaims {
            subject: subject.to_owned(),
            name: first(&NAME_CLAIMS),
            client: first(&CLIENT_CLAIMS),
            scopes: self.scopes_of(&claims, policy),
            expires_at: expires_at.plus(SKEW),
        })
    }

    /// Returns only the scopes that this server knows. Other scopes of the token grant nothing
    /// here.
    fn scopes_of(&self, claims: &Claims, policy: &ScopePolicy) -> Scopes {
        let theirs = match &self.settings.scope_claim {
            Some(claim) => claims.words(claim),
            None => SCOPE_CLAIMS
                .iter()
                .find(|claim| claims.get(claim).is_some())
                .map(|claim| claims.words(claim))
                .unwrap_or_default(),
        };
        let ours = self.settings.scopes.ours(&theirs, &self.settings.audiences);
        Scopes::from_names(ours.iter().filter(|scope| policy.knows(scope)))
    }
}

/// Checks the type of a token. Many servers do not mark access tokens as RFC 9068 §2.1 requires.
/// Such a token must at least not look like an ID token or a logout token. A token that is bound to
/// a key (`cnf`) is not a bearer token (RFC 9449 §7.2, RFC 8705 §3).
fn is_access_token(head: &JwtHeader, claims: &Claims) -> Result<(), JwtError> {
    if claims.get("cnf").is_some() {
        return Err(JwtError::Type("bound to a key".to_owned()));
    }
    match head.kind.as_deref() {
        Some("at+jwt") => Ok(()),
        None | Some("jwt") => {
            let is_about_sign_in = ["nonce", "at_hash", "c_hash", "events"]
                .iter()
                .any(|name| claims.get(name).is_some());
            if is_about_sign_in {
                return Err(JwtError::Type("not an access token".to_owned()));
            }
            Ok(())
        }
        Some(other) => {
            let short: String = other.chars().take(32).collect();
            Err(JwtError::Type(short.escape_debug().to_string()))
        }
    }
}
