//! An authorization server elsewhere: this one is a resource server only, and goes by the JSON Web
//! Tokens that the other one issues (RFC 9068).

mod scopes;

use std::fmt;

use crate::{
    base_url::BaseUrls,
    clock::Timestamp,
    jwt::{Claims, Documents, Head, Issuer, JwtFault, SKEW, TokenFault},
    scope::{ScopePolicy, Scopes},
};

use self::scopes::ScopeMap;

/// Where scopes are, in the order in which they are looked for: RFC 9068 §2.2.3, then Okta and Entra.
const SCOPE_CLAIMS: [&str; 2] = ["scope", "scp"];
/// Who the token was issued to: RFC 9068 §2.2, OpenID, Okta, Entra.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "cid", "appid"];
const NAME_CLAIMS: [&str; 3] = ["preferred_username", "email", "name"];

/// An authorization server that this server trusts instead of being one.
///
/// It has to issue JSON Web Tokens, signed with a key of its own (RS, PS, ES or `EdDSA`), for the
/// audience that this server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationServer {
    issuer: String,
    audiences: Vec<String>,
    scopes: ScopeMap,
    scope_claim: Option<String>,
}

/// Why an authorization server cannot be trusted so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationServerError {
    /// An issuer is asked with TLS, or on this machine.
    #[error("is not the https URL of an issuer")]
    Issuer,
    /// Pairs are what is expected.
    #[error("is not a list of THEIRS=OURS")]
    Scopes,
}

impl AuthorizationServer {
    /// The one whose issuer identifier is `issuer`, byte for byte as in its metadata.
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

    /// Accepts tokens for `audience`, instead of those for the canonical URL of this server's MCP
    /// endpoint. Several are accepted if this is called several times.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// What scopes are called there: `THEIRS=OURS` pairs between spaces or commas. `*` stands for any
    /// good token, where the other side has no scopes for this server.
    pub fn with_scopes(mut self, pairs: &str) -> Result<Self, AuthorizationServerError> {
        self.scopes = ScopeMap::parse(pairs).ok_or(AuthorizationServerError::Scopes)?;
        Ok(self)
    }

    /// Looks for scopes in this claim only, such as `permissions` or `roles`, instead of in `scope` and
    /// then `scp`.
    #[must_use]
    pub fn with_scope_claim(mut self, claim: impl Into<String>) -> Self {
        self.scope_claim = Some(claim.into());
        self
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// The same, at work.
#[derive(Debug)]
pub(crate) struct External {
    settings: AuthorizationServer,
    issuer: Issuer,
}

/// What a good token says.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) scopes: Scopes,
    /// After the time by which clocks may be apart.
    pub(crate) expires_at: Timestamp,
}

impl External {
    /// `None` if the settings are not of an issuer.
    pub(crate) fn new(settings: AuthorizationServer) -> Option<Self> {
        let issuer = Issuer::new(&settings.issuer, Documents::AuthorizationServer)?;
        Some(Self { settings, issuer })
    }

    pub(crate) fn issuer(&self) -> &str {
        self.issuer.id()
    }

    /// Says in the log what the first call would stumble over, when a server starts.
    pub(crate) async fn greet(&self, now: Timestamp) {
        if let Err(error) = self.issuer.metadata(now).await {
            tracing::error!(%error, "the authorization server cannot be used");
        }
    }

    /// What clients have to ask the other side for, to get these scopes here.
    pub(crate) fn asked_for(&self, ours: &Scopes) -> Scopes {
        self.settings.scopes.theirs(ours)
    }

    /// Whom a token speaks for.
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

    /// Only what means something here: a token that is good for other things is not good for this.
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

/// Many servers do not mark access tokens as RFC 9068 §2.1 demands; then a token must at least not
/// look like one that was made to say who signed in. One that is bound to a key (`cnf`) is not a
/// bearer token (RFC 9449 §7.2, RFC 8705 §3).
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
