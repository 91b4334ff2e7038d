//! A separate authorization server. This server is then only a resource server and accepts the JSON
//! Web Tokens that the other server issues (RFC 9068).

mod scopes;

use std::fmt;

use crate::{
    base_url::BaseUrls,
    clock::Timestamp,
    jwt::{Claims, Documents, Head, Issuer, JwtFault, SKEW, TokenFault},
    scope::{ScopePolicy, Scopes},
};

use self::scopes::ScopeMap;

/// The claims with scopes, in order of preference: RFC 9068 §2.2.3, then Okta and Entra.
const SCOPE_CLAIMS: [&str; 2] = ["scope", "scp"];
/// The claims with the client that the token was issued to: RFC 9068 §2.2, OpenID, Okta, Entra.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "cid", "appid"];
const NAME_CLAIMS: [&str; 3] = ["preferred_username", "email", "name"];

/// An authorization server that this server trusts instead of being one.
///
/// It must issue JSON Web Tokens for this server as the audience, signed with its own key (RS, PS,
/// ES or `EdDSA`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationServer {
    issuer: String,
    audiences: Vec<String>,
    scopes: ScopeMap,
    scope_claim: Option<String>,
}

/// The reason why the settings of an authorization server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationServerError {
    /// The issuer is not an https URL. Plain http is accepted only for this machine.
    #[error("is not the https URL of an issuer")]
    Issuer,
    /// The scopes are not a list of pairs.
    #[error("is not a list of THEIRS=OURS")]
    Scopes,
}

impl AuthorizationServer {
    /// Creates settings for this issuer identifier, byte for byte as in the issuer's metadata.
    pub fn new(issuer: impl Into<String>) -> Result<Self, AuthorizationServerError> {
        let issuer = issuer.into();
        Issuer::new(&issuer, Documents::AuthorizationServer)
            .ok_or(AuthorizationServerError::Issuer)?;
        Ok(Self {
            issuer,
            audiences: Vec::new(),
            scopes: ScopeMap::default(),
            scope_claim: None,
        })
    }

    /// Accepts tokens for `audience` instead of tokens for the canonical URL of this server's MCP
    /// endpoint. Call this method several times to accept several audiences.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Sets the names that scopes have at the authorization server: `THEIRS=OURS` pairs, separated
    /// by spaces or commas. `*` as `THEIRS` matches any valid token, for authorization servers
    /// without scopes for this server.
    pub fn with_scopes(mut self, pairs: &str) -> Result<Self, AuthorizationServerError> {
        self.scopes = ScopeMap::parse(pairs).ok_or(AuthorizationServerError::Scopes)?;
        Ok(self)
    }

    /// Reads scopes only from this claim, such as `permissions` or `roles`, instead of from `scope`
    /// and then `scp`.
    #[must_use]
    pub fn with_scope_claim(mut self, claim: impl Into<String>) -> Self {
        self.scope_claim = Some(claim.into());
        self
    }

    /// Returns the issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// A trusted authorization server with its fetched keys.
#[derive(Debug)]
pub(crate) struct External {
    settings: AuthorizationServer,
    issuer: Issuer,
}

/// The contents of a valid token.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) scopes: Scopes,
    /// The expiry, including the allowed clock difference.
    pub(crate) expires_at: Timestamp,
}

impl External {
    /// Returns `None` if the issuer of the settings is not valid.
    pub(crate) fn new(settings: AuthorizationServer) -> Option<Self> {
        let issuer = Issuer::new(&settings.issuer, Documents::AuthorizationServer)?;
        Some(Self { settings, issuer })
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.id()
    }

    /// Fetches the metadata when a server starts, so that problems are logged before the first
    /// call.
    pub(crate) async fn greet(&self, now: Timestamp) {
        if let Err(error) = self.issuer.metadata(now).await {
            tracing::error!(%error, "the authorization server cannot be used");
        }
    }

    /// Returns the scopes that clients must request from the authorization server to get `ours`.
    pub(crate) fn asked_for(&self, ours: &Scopes) -> Scopes {
        self.settings.scopes.theirs(ours)
    }

    /// Verifies a token and returns its contents.
    pub(crate) async fn holder(
        &self,
        unverified: &str,
        bases: &BaseUrls,
        policy: &ScopePolicy,
        now: Timestamp,
    ) -> Result<Holder, TokenFault> {
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
            return Err(JwtFault::audience(&audiences, &accepted).into());
        }
        let subject = claims.text("sub").ok_or(JwtFault::Claim("sub"))?;
        let expires_at = claims.time("exp")?.ok_or(JwtFault::Claim("exp"))?;
        let first = |names: &[&str]| {
            let mut texts = names.iter().filter_map(|name| claims.text(name));
            texts.next().map(str::to_owned)
        };
        Ok(Holder {
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
        ours.iter().filter(|scope| policy.knows(scope)).collect()
    }
}

impl fmt::Display for External {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.issuer())
    }
}

/// Checks the type of a token. Many servers do not mark access tokens as RFC 9068 §2.1 requires.
/// Such a token must at least not look like an ID token or a logout token. A token that is bound to
/// a key (`cnf`) is not a bearer token (RFC 9449 §7.2, RFC 8705 §3).
fn is_access_token(head: &Head, claims: &Claims) -> Result<(), JwtFault> {
    if claims.get("cnf").is_some() {
        return Err(JwtFault::Type("bound to a key".to_owned()));
    }
    match head.kind.as_deref() {
        Some("at+jwt") => Ok(()),
        None | Some("jwt") => {
            let is_about_sign_in = ["nonce", "at_hash", "c_hash", "events"]
                .iter()
                .any(|name| claims.get(name).is_some());
            if is_about_sign_in {
                return Err(JwtFault::Type("not an access token".to_owned()));
            }
            Ok(())
        }
        Some(other) => {
            let short: String = other.chars().take(32).collect();
            Err(JwtFault::Type(short.escape_debug().to_string()))
        }
    }
}
