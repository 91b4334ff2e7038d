//! Sign-in: how the server finds out who is using the browser.
//!
//! A [`Login`] identifies the user and does nothing else. The permissions of a client, and the way
//! it gets its tokens, are the same for every login. The environment selects a login
//! ([`crate::Config::from_env`]); [`crate::Config::with_login`] sets another one. This is a
//! complete login for users who each have a code word:
//!
//! ```
//! use mcpo_runtime::login::{
//!     Field, Identity, Login, LoginContext, LoginFuture, LoginInput, Outcome, Page, Refusal,
//! };
//!
//! #[derive(Debug)]
//! struct CodeWords;
//!
//! /// In production, store the words outside the code and compare them in constant time.
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
//!     fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
//!         Box::pin(async { Outcome::Page(ask()) })
//!     }
//!
//!     fn resume<'a>(&'a self, _context: &'a LoginContext, input: &'a LoginInput) -> LoginFuture<'a, Outcome> {
//!         Box::pin(async {
//!             match who_says(input.get("word").unwrap_or_default()) {
//!                 Some(name) => Outcome::Identity(Identity::new(name)),
//!                 None => Outcome::Page(ask().with_problem("Wrong code word.")),
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
//! # Sign-in at a provider
//!
//! A login that sends the browser to a provider returns that provider from [`Login::provider`]. The
//! runtime then does the following:
//!
//! - It asks the user for consent first. The provider only knows this server, so it would accept
//!   every client that connects through this server.
//! - It stores the state, which is valid once and for ten minutes.
//! - It gives [`Login::begin`] the values for the request to the provider: [`LoginContext::state`],
//!   [`LoginContext::code_challenge`], [`LoginContext::nonce`] and [`LoginContext::callback_url`].
//! - It receives the provider's response at the path that [`Provider::new`] names, checks that the
//!   response belongs to this browser, and passes it to [`Login::resume`].
//!
//! If the [`Identity`] has tokens, the runtime seals them in the ledger, renews them with
//! [`Login::renew`], and gives them to tools through [`crate::Caller::upstream_token`].

#[doc(inline)]
pub use mcpo_runtime_oauth::login::{
    Field, GitHub, GitHubError, Identity, Login, LoginContext, LoginError, LoginFuture, LoginInput,
    OpenId, OpenIdError, Outcome, Page, Provider, Refusal,
};
