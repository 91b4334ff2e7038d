//! Nobody is asked: whoever reaches the page is the one user.

use super::{Identity, Login, LoginFuture, Outcome, Visit};

/// The name that the Python template used, so that tools which store it keep working.
const SUBJECT: &str = "local-user";

/// A login without a question.
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
