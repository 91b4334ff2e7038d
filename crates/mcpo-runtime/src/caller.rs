//! The caller: who a tool is working for.

use std::sync::Arc;

use rmcp::{
    ErrorData,
    handler::server::common::{AsRequestContext, FromContextPart},
};

use crate::{grant::AccessToken, scope::Scopes, trail::Mark};

/// The person a tool is called for, as an argument of the tool:
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
    /// The request that the call came with.
    mark: Option<Mark>,
}

#[derive(Debug)]
struct Claims {
    subject: String,
    scopes: Scopes,
    client_name: Option<String>,
}

impl Caller {
    /// A caller without a token, to call a tool in a test.
    #[must_use]
    pub fn local(subject: impl Into<String>) -> Self {
        Self {
            claims: Arc::new(Claims {
                subject: subject.into(),
                scopes: Scopes::default(),
                client_name: None,
            }),
            mark: None,
        }
    }

    /// Somebody who only wants to know which tools there are.
    pub(crate) fn anonymous() -> Self {
        Self::local("")
    }

    pub(crate) fn from_token(token: AccessToken) -> Self {
        Self {
            claims: Arc::new(Claims {
                subject: token.grant.identity.subject,
                scopes: token.grant.scopes,
                client_name: Some(token.grant.client_name),
            }),
            mark: None,
        }
    }

    /// The same person in another request.
    pub(crate) fn marked(self, mark: Option<Mark>) -> Self {
        Self { mark, ..self }
    }

    pub(crate) fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }

    /// Whoever the bearer check has let in with this request.
    pub(crate) fn of(extensions: &rmcp::model::Extensions) -> Option<&Self> {
        extensions.get::<http::request::Parts>()?.extensions.get()
    }

    /// Who signed in: stable, unique to the person within this server.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// What the person allowed.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.claims.scopes
    }

    /// What the client calls itself. Nobody has checked the name.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.claims.client_name.as_deref()
    }
}

impl<C: AsRequestContext> FromContextPart<C> for Caller {
    fn from_context_part(context: &mut C) -> Result<Self, ErrorData> {
        Self::of(&context.as_request_context().extensions)
            .cloned()
            // Only a server that is not behind the bearer check gets here: deny.
            .ok_or_else(|| ErrorData::internal_error("the request has no caller", None))
    }
}
