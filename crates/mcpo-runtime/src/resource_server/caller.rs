//! Defines the caller: the user for whom a tool works.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rmcp::{
    ErrorData, RoleServer,
    handler::server::common::{AsRequestContext, FromContextPart},
};

use super::external::ExternalClaims;
use crate::{
    base::request_log::RequestContext,
    login::{LoginError, Subject, UpstreamToken},
    oauth::{grant::AccessToken, scope::Scopes},
    store::GrantId,
    upstream::{TokenCache, UpstreamError},
};

/// The user that a tool is called for. A tool takes it as an argument:
///
/// ```
/// # use mcpo_runtime::Caller;
/// # struct MyService;
/// # impl MyService {
/// /// Say who is calling.
/// // #[tool]
/// fn whoami(&self, caller: Caller) -> String {
///     format!("You are {}", caller.subject())
/// }
/// # }
/// # assert_eq!(MyService.whoami(Caller::local("ada")), "You are ada");
/// ```
#[derive(Clone, Debug)]
pub struct Caller {
    claims: Arc<Claims>,
    /// The request of this call.
    request: Option<RequestContext>,
    /// What this request did with the provider's token; `None` if the caller has none.
    upstream_use: Option<Arc<UpstreamUse>>,
}

/// What a call did with the provider's token.
#[derive(Default)]
struct UpstreamUse {
    /// The last token that the tool got.
    handed_out: Mutex<Option<UpstreamToken>>,
    /// Whether the sign-in was found to have ended.
    refused: AtomicBool,
}

impl fmt::Debug for UpstreamUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UpstreamUse({:?})", self.refused)
    }
}

#[derive(Debug)]
struct Claims {
    subject: String,
    name: Option<String>,
    scopes: Scopes,
    client_name: Option<String>,
    upstream: Upstream,
    /// `None` if an external authorization server issued the token.
    grant: Option<GrantId>,
}

impl Claims {
    fn of_subject(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            name: None,
            scopes: Scopes::default(),
            client_name: None,
            upstream: Upstream::None,
            grant: None,
        }
    }

    /// Returns the claims of a user who has signed in at this server.
    fn of_user(subject: Subject, scopes: Scopes, tokens: &Arc<TokenCache>) -> Self {
        let record = |id| Upstream::SignInRecord(Arc::clone(tokens), id);
        Self {
            name: subject.name,
            scopes,
            upstream: subject.upstream.map_or(Upstream::None, record),
            ..Self::of_subject(subject.id)
        }
    }
}

impl From<Claims> for Caller {
    fn from(claims: Claims) -> Self {
        Self {
            claims: Arc::new(claims),
            request: None,
            upstream_use: None,
        }
    }
}

/// The source of the provider's tokens.
enum Upstream {
    None,
    /// A fixed token, for tests.
    Fixed(UpstreamToken),
    /// The record of the sign-in.
    SignInRecord(Arc<TokenCache>, GrantId),
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("None"),
            Self::Fixed(_) => formatter.write_str("Fixed(…)"),
            Self::SignInRecord(_, id) => write!(formatter, "SignInRecord({id:?})"),
        }
    }
}

impl Caller {
    /// Creates a caller without a token, to call a tool in a test.
    #[must_use]
    pub fn local(subject: impl Into<String>) -> Self {
        Claims::of_subject(subject).into()
    }

    /// Creates a caller that has a token of the provider but no token of this server, to call a
    /// tool in a test.
    #[must_use]
    pub fn local_with_upstream(subject: impl Into<String>, token: impl Into<String>) -> Self {
        let upstream = Upstream::Fixed(UpstreamToken::new(token));
        Self::from(Claims {
            upstream,
            ..Claims::of_subject(subject)
        })
    }

    /// Creates the caller of a request without a token, which may only list the tools.
    pub(crate) fn anonymous() -> Self {
        Self::local("")
    }

    pub(crate) fn from_token(token: AccessToken, tokens: &Arc<TokenCache>) -> Self {
        let grant = token.grant;
        Self::from(Claims {
            client_name: Some(grant.client_name),
            grant: Some(grant.id),
            ..Claims::of_user(grant.subject, grant.scopes, tokens)
        })
    }

    /// Creates the caller that `subject` would be after allowing `scopes`, to list the tools.
    pub(crate) fn prospective(subject: Subject, scopes: Scopes, tokens: &Arc<TokenCache>) -> Self {
        Claims::of_user(subject, scopes, tokens).into()
    }

    /// Creates the caller from a token of the external authorization server.
    pub(crate) fn from_external(claims: ExternalClaims) -> Self {
        Self::from(Claims {
            name: claims.name,
            scopes: claims.scopes,
            client_name: claims.client,
            ..Claims::of_subject(claims.subject)
        })
    }

    /// Returns the same user in another request.
    pub(crate) fn in_request(self, request: Option<RequestContext>) -> Self {
        let has_upstream = matches!(self.claims.upstream, Upstream::SignInRecord(..));
        Self {
            request,
            upstream_use: has_upstream.then(Arc::default),
            ..self
        }
    }

    pub(crate) fn request(&self) -> Option<&RequestContext> {
        self.request.as_ref()
    }

    /// Returns the caller that the token check stored with this request.
    pub(crate) fn of(extensions: &rmcp::model::Extensions) -> Option<&Self> {
        extensions.get::<http::request::Parts>()?.extensions.get()
    }

    /// Returns the caller of a request other than a tool call or a prompt, such as `read_resource`.
    /// Tools and prompts take an argument instead.
    ///
    /// # Errors
    ///
    /// Fails with an internal error if the request did not go through this crate's token check.
    pub fn from_context(
        context: &rmcp::service::RequestContext<RoleServer>,
    ) -> Result<Self, ErrorData> {
        Self::of(&context.extensions)
            .cloned()
            // Only a server without the token check gets here: deny.
            .ok_or_else(|| ErrorData::internal_error("the request has no caller", None))
    }

    /// The subject of the user: stable, and unique within this server.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// The user's name at the sign-in, such as the name of a GitHub account, or the subject if
    /// there is no name. A name can change and can later belong to another user, so store the
    /// [subject](Self::subject) instead.
    #[must_use]
    pub fn name(&self) -> &str {
        self.claims.name.as_deref().unwrap_or(&self.claims.subject)
    }

    /// Returns the user's access token of the identity provider, for requests to the provider's API
    /// on behalf of the user. Call this in each tool call: the token is renewed a minute before it
    /// expires.
    pub async fn upstream_token(&self) -> Result<UpstreamToken, UpstreamError> {
        match &self.claims.upstream {
            Upstream::None => Err(UpstreamError::None),
            Upstream::Fixed(token) => Ok(token.clone()),
            Upstream::SignInRecord(cache, id) => match cache.current(*id).await {
                Ok(tokens) => {
                    let token = UpstreamToken::new(tokens.access_token());
                    self.hand_out(&token);
                    Ok(token)
                }
                Err(LoginError::Refused(_)) => {
                    self.note_refusal();
                    Err(UpstreamError::Refused)
                }
                Err(LoginError::Unavailable(_)) => Err(UpstreamError::Unavailable),
            },
        }
    }

    /// Reports that the provider rejected the token of this call: its API has answered 401. Return
    /// the error from the tool. The sign-in ends, and the client starts a new sign-in by itself. If
    /// the token was just replaced, the sign-in continues and the client only has to try again.
    pub async fn upstream_refused(&self) -> UpstreamError {
        let Upstream::SignInRecord(cache, id) = &self.claims.upstream else {
            return UpstreamError::Refused;
        };
        let Some(token) = self.handed_out() else {
            return UpstreamError::Refused;
        };
        if cache.refuse(*id, token.secret()).await {
            self.note_refusal();
            UpstreamError::Refused
        } else {
            UpstreamError::Unavailable
        }
    }

    fn hand_out(&self, token: &UpstreamToken) {
        if let Some(upstream_use) = &self.upstream_use {
            let mut handed_out = upstream_use
                .handed_out
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *handed_out = Some(token.clone());
        }
    }

    fn handed_out(&self) -> Option<UpstreamToken> {
        let upstream_use = self.upstream_use.as_ref()?;
        upstream_use
            .handed_out
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note_refusal(&self) {
        if let Some(upstream_use) = &self.upstream_use {
            upstream_use.refused.store(true, Ordering::Relaxed);
        }
    }

    /// Returns true if this call found that the sign-in has ended.
    pub(crate) fn is_signed_out(&self) -> bool {
        let upstream_use = self.upstream_use.as_ref();
        upstream_use.is_some_and(|upstream_use| upstream_use.refused.load(Ordering::Relaxed))
    }

    /// Returns the grant of the token, if this server issued the token.
    pub(crate) fn grant(&self) -> Option<GrantId> {
        self.claims.grant
    }

    /// Returns true for a caller without a token.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.claims.subject.is_empty()
    }

    /// Returns the record of the sign-in, if there is one.
    pub(crate) fn sign_in(&self) -> Option<GrantId> {
        match self.claims.upstream {
            Upstream::SignInRecord(_, id) => Some(id),
            Upstream::None | Upstream::Fixed(_) => None,
        }
    }

    /// The scopes that the user granted.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.claims.scopes
    }

    /// The client's name for itself. It is not verified.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.claims.client_name.as_deref()
    }
}

impl<C: AsRequestContext> FromContextPart<C> for Caller {
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        Self::from_context(context.as_request_context())
    }
}
