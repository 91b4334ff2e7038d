//! Defines the caller: the user for whom a tool works.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use mcpo_runtime_oauth::{
    base::request_log::RequestContext,
    login::{Subject, UpstreamToken},
    oauth::scope::Scopes,
    resource_server::caller_claims::{CallerClaims, Upstream},
    store::GrantId,
    upstream::{NoToken, TokenCache},
};
use rmcp::{
    ErrorData, RoleServer,
    handler::server::common::{AsRequestContext, FromContextPart},
};

use crate::upstream_error::UpstreamError;

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
    claims: Arc<CallerClaims>,
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

impl Caller {
    pub(crate) const fn new(claims: Arc<CallerClaims>) -> Self {
        Self {
            claims,
            request: None,
            upstream_use: None,
        }
    }

    /// Creates a caller without a token, to call a tool in a test.
    #[must_use]
    pub fn local(subject: impl Into<String>) -> Self {
        Self::new(Arc::new(CallerClaims::of_subject(subject)))
    }

    /// Creates a caller that has a token of the provider but no token of this server, to call a
    /// tool in a test.
    #[must_use]
    pub fn local_with_upstream(subject: impl Into<String>, token: impl Into<String>) -> Self {
        let claims = CallerClaims::of_subject(subject).with_upstream(token);
        Self::new(Arc::new(claims))
    }

    /// Creates the caller of a request without a token, which may only list the tools.
    pub(crate) fn anonymous() -> Self {
        Self::local("")
    }

    /// Creates the caller that `subject` would be after allowing `scopes`, to list the tools.
    pub(crate) fn prospective(subject: Subject, scopes: Scopes, tokens: &Arc<TokenCache>) -> Self {
        Self::new(Arc::new(CallerClaims::of_user(subject, scopes, tokens)))
    }

    /// Returns the same user in another request.
    pub(crate) fn in_request(self, request: Option<RequestContext>) -> Self {
        let has_upstream = self.claims.sign_in().is_some();
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
        self.claims.subject()
    }

    /// The user's name at the sign-in, such as the name of a GitHub account, or the subject if
    /// there is no name. A name can change and can later belong to another user, so store the
    /// [subject](Self::subject) instead.
    #[must_use]
    pub fn name(&self) -> &str {
        self.claims.name().unwrap_or(self.claims.subject())
    }

    /// Returns the user's access token of the identity provider, for requests to the provider's API
    /// on behalf of the user. Call this in each tool call: the token is renewed a minute before it
    /// expires.
    pub async fn upstream_token(&self) -> Result<UpstreamToken, UpstreamError> {
        match self.claims.upstream() {
            Upstream::None => Err(UpstreamError::None),
            Upstream::Fixed(token) => Ok(token.clone()),
            Upstream::SignInRecord(cache, id) => match cache.current_token(*id).await {
                Ok(token) => {
                    self.hand_out(&token);
                    Ok(token)
                }
                Err(NoToken::Refused) => {
                    self.note_refusal();
                    Err(UpstreamError::Refused)
                }
                Err(NoToken::Unavailable) => Err(UpstreamError::Unavailable),
            },
        }
    }

    /// Reports that the provider rejected the token of this call: its API has answered 401. Return
    /// the error from the tool. The sign-in ends, and the client starts a new sign-in by itself. If
    /// the token was just replaced, the sign-in continues and the client only has to try again.
    pub async fn upstream_refused(&self) -> UpstreamError {
        let Upstream::SignInRecord(cache, id) = self.claims.upstream() else {
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

    pub(crate) fn claims(&self) -> &Arc<CallerClaims> {
        &self.claims
    }

    /// Returns the grant of the token, if this server issued the token.
    pub(crate) fn grant(&self) -> Option<GrantId> {
        self.claims.grant()
    }

    /// Returns true for a caller without a token.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.claims.subject().is_empty()
    }

    /// Returns the record of the sign-in, if there is one.
    pub(crate) fn sign_in(&self) -> Option<GrantId> {
        self.claims.sign_in()
    }

    /// The scopes that the user granted.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        self.claims.scopes()
    }

    /// The client's name for itself. It is not verified.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.claims.client_name()
    }
}

impl<C: AsRequestContext> FromContextPart<C> for Caller {
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        Self::from_context(context.as_request_context())
    }
}
