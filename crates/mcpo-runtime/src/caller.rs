//! The caller: who a tool is working for.

use std::sync::Arc;

use rmcp::{
    ErrorData,
    handler::server::common::{AsRequestContext, FromContextPart},
};

use crate::{grant::AccessToken, scope::Scopes};

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
        }
    }

    pub(crate) fn from_token(token: AccessToken) -> Self {
        Self {
            claims: Arc::new(Claims {
                subject: token.grant.identity.subject,
                scopes: token.grant.scopes,
                client_name: Some(token.grant.client_name),
            }),
        }
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
        let extensions = &context.as_request_context().extensions;
        extensions
            .get::<http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<Self>())
            .cloned()
            // Only a server that is not behind the bearer check gets here: deny.
            .ok_or_else(|| ErrorData::internal_error("the request has no caller", None))
    }
}
