//! The server as an authorized client talks to it: authorizing again when it asks for that.

use url::Url;

use super::rpc::{self, Call, Heard, Reply, Wire};
use crate::probe::{
    check::{Log, Step},
    http::{Exchange, Trouble},
    oauth::{Challenge, Grant, Login, Scopes},
    rules,
};

/// How often the walk authorizes at most, step-ups included.
const AUTHORIZATIONS: u32 = 3;

/// The server, the tokens for it, and the way to get others.
pub struct Peer<'p> {
    pub exchange: &'p Exchange,
    pub target: &'p Url,
    pub login: Login<'p>,
    pub grant: Option<Grant>,
    authorizations: u32,
}

impl<'p> Peer<'p> {
    pub const fn new(exchange: &'p Exchange, target: &'p Url, login: Login<'p>) -> Self {
        Self {
            exchange,
            target,
            login,
            grant: None,
            authorizations: 0,
        }
    }

    /// Gets tokens as `challenge` asks, in addition to the scopes that are held.
    pub async fn authorize(&mut self, log: &mut Log<'_>, challenge: &Challenge) -> Step<()> {
        self.authorizations += 1;
        let held = self
            .grant
            .as_ref()
            .map(|grant| grant.scopes.clone())
            .unwrap_or_default();
        self.grant = Some(self.login.authorize(log, challenge, &held).await?);
        Ok(())
    }

    /// Sends `call`, and again after authorizing if the server asks for that.
    pub async fn call(
        &mut self,
        log: &mut Log<'_>,
        wire: &Wire,
        call: &Call,
    ) -> Step<Result<Heard, Trouble>> {
        loop {
            let token = self.grant.as_ref().map(|grant| &grant.access);
            let heard = rpc::call(self.exchange, self.target, wire, token, call).await;
            let challenge = match &heard {
                Ok(Heard {
                    reply: Reply::InsufficientScope(challenge),
                    ..
                }) if self.may_widen(&challenge.scopes) => {
                    self.announce(log, call, &format!("403 asks for {}", challenge.scopes));
                    challenge
                }
                Ok(Heard {
                    reply: Reply::Unauthorized(Some(challenge)),
                    ..
                }) if self.authorizations < AUTHORIZATIONS => {
                    self.announce(log, call, "401 asks to authorize again");
                    challenge
                }
                _ => return Ok(heard),
            };
            log.next_round();
            self.authorize(log, &challenge.clone()).await?;
        }
    }

    /// Asking again for what was already asked for leads nowhere.
    fn may_widen(&self, scopes: &Scopes) -> bool {
        let held = self
            .grant
            .as_ref()
            .is_some_and(|grant| grant.scopes.includes(scopes));
        !held && self.authorizations < AUTHORIZATIONS
    }

    fn announce(&self, log: &mut Log<'_>, call: &Call, asked: &str) {
        log.begin(&rules::STEP_UP)
            .pass(log, format!("{}: {asked}", call.method));
    }
}
