//! The login that asks for nothing: each visitor is the same single user.

use super::{
    context::LoginContext,
    contract::{Identity, Login, LoginFuture, Outcome},
};

/// The subject of the Python template, so that tools that store the subject keep working.
const SUBJECT: &str = "local-user";

/// A login that asks for nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anonymous;

impl Login for Anonymous {
    fn name(&self) -> &'static str {
        "nobody is asked to sign in"
    }

    fn is_anonymous(&self) -> bool {
        true
    }

    fn begin<'a>(&'a self, _context: &'a LoginContext) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Identity(Identity::new(SUBJECT)) })
    }
}
