//! Who is at the browser?
//!
//! A [`Login`] answers that question, and nothing else: what a client may do, and how it gets its
//! tokens, is the same whoever signed in. One is chosen by the environment ([`crate::Config::from_env`]);
//! another one is given with [`crate::Config::with_login`]. A whole one, for people who know a
//! code word each:
//!
//! ```
//! use mcpo_runtime::login::{
//!     Answer, Field, Identity, Login, LoginFuture, Outcome, Page, Refusal, Visit,
//! };
//!
//! #[derive(Debug)]
//! struct CodeWords;
//!
//! /// In earnest: from a place of its own, and compared in constant time.
//! fn who_says(word: &str) -> Option<&'static str> {
//!     (word == "tangerine").then_some("ada")
//! }
//!
//! fn ask() -> Page {
//!     Page::new("Sign in").with_field(Field::password("word", "Your code word"))
//! }
//!
//! impl Login for CodeWords {
//!     fn name(&self) -> &'static str {
//!         "code words"
//!     }
//!
//!     fn begin<'a>(&'a self, _visit: &'a Visit) -> LoginFuture<'a, Outcome> {
//!         Box::pin(async { Outcome::Page(ask()) })
//!     }
//!
//!     fn resume<'a>(&'a self, _visit: &'a Visit, answer: &'a Answer) -> LoginFuture<'a, Outcome> {
//!         Box::pin(async {
//!             match who_says(answer.get("word").unwrap_or_default()) {
//!                 Some(name) => Outcome::Identity(Identity::new(name)),
//!                 None => Outcome::Page(ask().with_problem("Nobody has that code word.")),
//!             }
//!         })
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use mcpo_runtime::{BaseUrl, Config, KeyRing};
//! let config = Config::new(BaseUrl::parse("http://localhost:8080")?, KeyRing::random()?)
//!     .with_login(CodeWords);
//! # Ok(()) }
//! ```
//!
//! # People who sign in elsewhere
//!
//! A login that sends the browser to a provider names it in [`Login::provider`]. The runtime then
//! asks the person about the client first, because the provider only knows this server and would
//! let every client through that stands behind it; remembers the state, once and for ten minutes;
//! and gives [`Login::begin`] what the request to the provider needs ([`Visit::state`],
//! [`Visit::code_challenge`], [`Visit::nonce`], [`Visit::callback_url`]). The provider's answer comes
//! to [`Provider::callback`], and after the runtime has checked that it belongs to this browser, to
//! [`Login::resume`]. Tokens that go with the [`Identity`] are kept sealed in the ledger, renewed by
//! [`Login::renew`], and given to tools by [`crate::Caller::upstream_token`].

mod github;
mod nobody;
mod openid;
mod page;
mod password;
mod person;
mod visit;

use std::{borrow::Cow, fmt, pin::Pin};

use url::Url;

pub use self::{
    github::{GitHub, GitHubError},
    openid::{OpenId, OpenIdError},
    page::{Field, Page},
    visit::{Answer, Visit},
};
pub(crate) use self::{
    nobody::Nobody,
    password::{MAX_PASSWORD_LEN, Password, Secret as PasswordSecret},
    person::{Epochs, Person},
    visit::{Away, Secrets},
};
use crate::upstream::UpstreamTokens;

/// What the methods of a [`Login`] return.
pub type LoginFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who is at the browser? See the [module's documentation](self).
pub trait Login: fmt::Debug + Send + Sync + 'static {
    /// How people sign in, in a word or two, for the log.
    fn name(&self) -> &'static str;

    /// Whether nobody is asked at all. Such a server warns its owner, and does not start on Cloud Run
    /// unless that was said to be meant.
    fn asks_nobody(&self) -> bool {
        false
    }

    /// What an identity rests on: when it changes, everybody has to sign in again. Only a keyed
    /// digest of it leaves the process.
    fn basis(&self) -> String {
        self.name().to_owned()
    }

    /// Where people are sent to sign in; `None` if they do so on pages of this server.
    fn provider(&self) -> Option<Provider> {
        None
    }

    /// What happens to a browser in which nobody has signed in. It must change nothing: pages are
    /// fetched by machines as well, and reloaded.
    fn begin<'a>(&'a self, visit: &'a Visit) -> LoginFuture<'a, Outcome>;

    /// What comes of the form of a [`Page`], or of the provider's answer.
    fn resume<'a>(&'a self, visit: &'a Visit, answer: &'a Answer) -> LoginFuture<'a, Outcome> {
        let _ = (visit, answer);
        Box::pin(async { Outcome::Refusal(Refusal::unexpected("nothing was asked")) })
    }

    /// Whether somebody may still come in: asked when a client gets a code, and at each refresh.
    ///
    /// An error that is [`LoginError::Refused`] ends the grant; with the other one the client is told
    /// to try again.
    fn recheck<'a>(
        &'a self,
        identity: &'a Identity,
        upstream: Option<&'a UpstreamTokens>,
    ) -> LoginFuture<'a, Result<(), LoginError>> {
        let _ = (identity, upstream);
        Box::pin(async { Ok(()) })
    }

    /// New tokens of the provider for a refresh token. Never called twice at once for a sign-in.
    fn renew<'a>(
        &'a self,
        tokens: &'a UpstreamTokens,
    ) -> LoginFuture<'a, Result<UpstreamTokens, LoginError>> {
        let _ = tokens;
        Box::pin(async { Err(LoginError::refused("tokens are not renewed here")) })
    }
}

/// What became of a step of a sign-in.
#[derive(Debug)]
pub enum Outcome {
    /// Somebody has signed in.
    Identity(Identity),
    /// There is something to ask, on a page of this server.
    Page(Page),
    /// The browser has to go there: to the provider.
    Redirect(Url),
    /// It ends here, and the person is told why.
    Refusal(Refusal),
}

/// Somebody who signed in.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) subject: String,
    pub(crate) name: Option<String>,
    pub(crate) upstream: Option<UpstreamTokens>,
    pub(crate) allowed_by_name: Option<String>,
}

impl Identity {
    /// A person by `subject`: a text that is the same at each sign-in, is nobody else's, and is never
    /// given to somebody else later.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            name: None,
            upstream: None,
            allowed_by_name: None,
        }
    }

    /// The person is allowed because of `name`, which can be given to another person later: the login
    /// name of an account that was renamed, or the address of someone who left. The first subject
    /// that signs in with it keeps it, and others are refused.
    #[must_use]
    pub fn allowed_by_name(mut self, name: impl Into<String>) -> Self {
        self.allowed_by_name = Some(name.into());
        self
    }

    /// What the person is called on pages and by [`crate::Caller::name`].
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Tokens of the provider, for this server's tools.
    #[must_use]
    pub fn with_upstream(mut self, tokens: UpstreamTokens) -> Self {
        self.upstream = Some(tokens);
        self
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// Where people are sent to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// What it is called on pages: "GitHub".
    pub name: Cow<'static, str>,
    /// What it is asked for, as it names it.
    pub scopes: Vec<String>,
    /// The path of this server where its answers arrive; registered there together with the base URL.
    pub callback: &'static str,
}

/// Why a sign-in does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// One word or two for the log: what went wrong.
    pub(crate) fault: Cow<'static, str>,
    /// A sentence or two for the person.
    pub(crate) what: Cow<'static, str>,
    pub(crate) kind: RefusalKind,
}

/// Whose fault a refusal is, which decides the status of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalKind {
    NotAllowed,
    Unexpected,
    Unavailable,
}

impl Refusal {
    /// This person may not use this server, or did not want to.
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

    /// The answer of the provider is not one that can be believed. The person learns no more than
    /// that; the log names the `fault`.
    #[must_use]
    pub fn unexpected(fault: impl Into<Cow<'static, str>>) -> Self {
        Self {
            fault: fault.into(),
            what: "The answer of the place where you sign in cannot be relied on, so nobody was \
                   signed in."
                .into(),
            kind: RefusalKind::Unexpected,
        }
    }

    /// The provider is out of reach; later it may go better.
    #[must_use]
    pub fn unavailable(fault: impl Into<Cow<'static, str>>) -> Self {
        Self {
            fault: fault.into(),
            what: "The place where you sign in does not answer at the moment.".into(),
            kind: RefusalKind::Unavailable,
        }
    }
}

/// Why a person's standing or tokens could not be renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// For good: the person has to sign in again, or may not come in any more.
    #[error("{0}")]
    Refused(Cow<'static, str>),
    /// For now: the provider is out of reach.
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
}

impl LoginError {
    /// For good, because of `why`.
    #[must_use]
    pub fn refused(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(why.into())
    }

    /// For now, because of `why`.
    #[must_use]
    pub fn unavailable(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(why.into())
    }
}
