//! The contract of every login, and its results.

use std::{borrow::Cow, fmt, pin::Pin};

use super::{
    context::{LoginContext, LoginInput},
    page::Page,
    upstream_tokens::UpstreamTokens,
};

/// The future that the methods of a [`Login`] return.
pub type LoginFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A way to sign in. See the [module documentation](super).
pub trait Login: fmt::Debug + Send + Sync + 'static {
    /// Returns a short name of this sign-in method for the log.
    fn name(&self) -> &'static str;

    /// Returns true if users do not have to sign in. Such a server starts only on loopback, or if
    /// its owner has opened it to anyone
    /// ([`Config::open_to_anyone`](crate::config::Config::open_to_anyone)).
    fn is_anonymous(&self) -> bool {
        false
    }

    /// Returns the settings that identities depend on. When they change, all users must sign in
    /// again. Only a keyed digest of this value leaves the process.
    fn basis(&self) -> String {
        self.name().to_owned()
    }

    /// Returns the provider where users sign in, or `None` if they sign in on pages of this server.
    fn provider(&self) -> Option<Provider> {
        None
    }

    /// Starts a sign-in in a browser without a signed-in user. This method must not change any
    /// state, because crawlers and reloads fetch the page as well.
    fn begin<'a>(&'a self, context: &'a LoginContext) -> LoginFuture<'a, Outcome>;

    /// Handles a submitted form of a [`Page`], or the provider's response.
    fn resume<'a>(
        &'a self,
        context: &'a LoginContext,
        input: &'a LoginInput,
    ) -> LoginFuture<'a, Outcome> {
        let _ = (context, input);
        Box::pin(async { Outcome::Refusal(Refusal::unexpected("no form was shown")) })
    }

    /// Checks that a user is still allowed. The runtime calls this method when a client gets a code
    /// and at each refresh.
    ///
    /// [`LoginError::Refused`] ends the grant. With [`LoginError::Unavailable`] the client can try
    /// again.
    fn recheck<'a>(
        &'a self,
        identity: &'a Identity,
        upstream: Option<&'a UpstreamTokens>,
    ) -> LoginFuture<'a, Result<(), LoginError>> {
        let _ = (identity, upstream);
        Box::pin(async { Ok(()) })
    }

    /// Exchanges a refresh token for new tokens of the provider. The runtime never runs two
    /// renewals of one sign-in at the same time.
    fn renew<'a>(
        &'a self,
        tokens: &'a UpstreamTokens,
    ) -> LoginFuture<'a, Result<UpstreamTokens, LoginError>> {
        let _ = tokens;
        Box::pin(async { Err(LoginError::refused("this login does not renew tokens")) })
    }
}

/// The result of one step of a sign-in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The user is signed in.
    Identity(Identity),
    /// Show this form on a page of this server.
    Page(Page),
    /// Redirect the browser to this absolute URL of the provider. It must use https, or http on
    /// this machine.
    Redirect(String),
    /// The sign-in ends, and a page shows the reason to the user.
    Refusal(Refusal),
}

/// A user who signed in.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) upstream: Option<UpstreamTokens>,
    pub(crate) allowed_by_name: Option<String>,
}

impl Identity {
    /// Creates an identity from `subject`, a text that is the same at each sign-in and unique to
    /// this user. It must never be assigned to another user later.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            name: None,
            upstream: None,
            allowed_by_name: None,
        }
    }

    /// Records that the user is allowed because of `name`, a name that can later belong to another
    /// user: the login name of a renamed account, or the address of someone who left. The first
    /// subject that signs in with the name keeps it. Other subjects are refused.
    #[must_use]
    pub fn allowed_by_name(mut self, name: impl Into<String>) -> Self {
        self.allowed_by_name = Some(name.into());
        self
    }

    /// Sets the name that pages and `Caller::name` show.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Adds the provider's tokens, which the tools of this server can use.
    #[must_use]
    pub fn with_upstream(mut self, tokens: UpstreamTokens) -> Self {
        self.upstream = Some(tokens);
        self
    }

    /// Returns the subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// The provider where users sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name on pages.
    pub(crate) name: Cow<'static, str>,
    /// The requested scopes, under the provider's names.
    pub(crate) scopes: Vec<String>,
    /// The path on this server that receives the provider's response.
    pub(crate) callback: &'static str,
}

impl Provider {
    /// Creates a provider with the name that pages show, for example "GitHub". `callback` is the
    /// path on this server that receives the provider's response, such as
    /// `/auth/example/callback`. Register the base URL with this path at the provider.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, callback: &'static str) -> Self {
        Self {
            name: name.into(),
            scopes: Vec::new(),
            callback,
        }
    }

    /// Sets the scopes that the login requests, under the provider's names. The consent page shows
    /// them.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Vec<String>) -> Self {
        self.scopes = scopes;
        self
    }
}

/// The reason why a sign-in ends without a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A short description of the fault for the log.
    pub(crate) fault: Cow<'static, str>,
    /// One or two sentences for the user.
    pub(crate) what: Cow<'static, str>,
    pub(crate) kind: RefusalKind,
}

/// The cause of a refusal, which decides the status of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    NotAllowed,
    Unexpected,
    Unavailable,
}

impl Refusal {
    /// Creates a refusal for a user who is not allowed, or who denied access.
    #[must_use]
    pub fn not_allowed(
        fault: impl Into<Cow<'static, str>>,
        what: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            fault: fault.into(),
            what: what.into(),
            kind: RefusalKind::NotAllowed,
        }
    }

    /// Creates a refusal for a response of the provider that cannot be trusted. The page does not
    /// show the `fault`; the log does.
    #[must_use]
    pub fn unexpected(fault: impl Into<Cow<'static, str>>) -> Self {
        Self {
            fault: fault.into(),
            what:
                "The response of the sign-in provider cannot be trusted, so you are not signed in."
                    .into(),
            kind: RefusalKind::Unexpected,
        }
    }

    /// Creates a refusal for a provider that is unreachable. Trying again later may work.
    #[must_use]
    pub fn unavailable(fault: impl Into<Cow<'static, str>>) -> Self {
        Self {
            fault: fault.into(),
            what: "The sign-in provider does not respond at the moment.".into(),
            kind: RefusalKind::Unavailable,
        }
    }
}

/// The reason why a user could not be checked, or tokens not be renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// Permanent: the user must sign in again, or is no longer allowed.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// Temporary: the provider is unreachable.
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
}

impl LoginError {
    /// Creates a permanent error with the reason `why`.
    #[must_use]
    pub fn refused(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(why.into())
    }

    /// Creates a temporary error with the reason `why`.
    #[must_use]
    pub fn unavailable(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(why.into())
    }
}
