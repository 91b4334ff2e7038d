//! The login that asks for nothing: each visitor is the same single user.

use super::{
    context::Visit,
    contract::{Identity, Login, LoginFuture, Outcome},
};

/// The subject of the Python template, so that tools that store the subject keep working.
const SUBJECT: &str = "local-user";

/// A login that asks for nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nobody;

impl Login for Nobody {
    fn name(&self) -> &'static str {
        "nobody is asked to sign in"
    }

    fn asks_nobody(&self) -> bool {
        true
    }

    fn begin<'a>(&'a self, _visit: &'a Visit) -> LoginFuture<'a, Outcome> {
        Box::pin(async { Outcome::Identity(Identity::new(SUBJECT)) })
    }
}
