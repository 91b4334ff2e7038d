//! The server as an authorized client uses it; authorizes again if the server requires that.

use std::time::Duration;

use mcpo_common::secret::Secret;
use url::Url;

use super::{
    reply::{Reply, Unauthorized},
    rpc::{self, Call, RpcResponse, WireFormat},
    server::{McpServer, TransportError},
};
use crate::{
    check::{Log, Step},
    credentials::Scopes,
    http::{HttpClient, RequestError},
    oauth::{Challenge, Grant, Login},
    rules,
};

/// The most authorizations of one probe, step-ups included.
const AUTHORIZATIONS: u32 = 3;

/// The server, its tokens, and the way to get new ones.
pub struct McpClient<'p> {
    pub http: &'p HttpClient,
    pub target: &'p Url,
    pub login: Login<'p>,
    pub grant: Option<Grant>,
    authorizations: u32,
    /// Whether the server has accepted the current token.
    accepted: bool,
}

impl<'p> McpClient<'p> {
    pub const fn new(http: &'p HttpClient, target: &'p Url, login: Login<'p>) -> Self {
        Self {
            http,
            target,
            login,
            grant: None,
            authorizations: 0,
            accepted: false,
        }
    }

    /// Gets tokens for the scopes of `challenge` in addition to the current scopes.
    pub async fn authorize(&mut self, log: &mut Log<'_>, challenge: &Challenge) -> Step<()> {
        self.authorizations += 1;
        self.accepted = false;
        let held = self
            .grant
            .as_ref()
            .map(|grant| grant.scopes.clone())
            .unwrap_or_default();
        let reached = self.login.reach(log, challenge).await?;
        let grant = match self.resume(log, &reached).await? {
            Some(grant) => grant,
            None => self.login.sign_in(log, challenge, reached, &held).await?,
        };
        self.grant = Some(grant);
        Ok(())
    }

    /// Sends `call`, and sends it again after authorizing if the server requires that.
    pub async fn call_authorized(
        &mut self,
        log: &mut Log<'_>,
        wire_format: &WireFormat,
        call: &Call,
    ) -> Step<Result<RpcResponse, RequestError>> {
        loop {
            let token = self.grant.as_ref().map(|grant| &grant.access);
            let heard = rpc::call(self.http, self.target, wire_format, token, call).await;
            let challenge = match &heard {
                Ok(RpcResponse {
                    reply: Reply::InsufficientScope(challenge),
                    ..
                }) if self.may_widen(&challenge.scopes) => {
                    let seen = format!("{}: 403 asks for {}", call.method, challenge.scopes);
                    rules::STEP_UP.begin().pass(log, seen);
                    challenge
                }
                Ok(RpcResponse {
                    reply:
                        Reply::Unauthorized(Unauthorized {
                            challenge: Some(challenge),
                            ..
                        }),
                    ..
                }) if self.may_return() => {
                    let seen = match token {
                        Some(_) => "401 for a token that worked before",
                        None => "401: this method requires a token",
                    };
                    let seen = format!("{}: {seen}", call.method);
                    rules::REAUTHORIZATION.begin().pass(log, seen);
                    challenge
                }
                _ => {
                    let opened = !matches!(&heard, Ok(heard) if heard.reply.is_refusal());
                    self.accepted |= heard.is_ok() && opened;
                    return Ok(heard);
                }
            };
            log.next_round();
            self.authorize(log, &challenge.clone()).await?;
        }
    }

    /// Returns true if the scopes were not requested before: requesting the same ones again would
    /// not help.
    fn may_widen(&self, scopes: &Scopes) -> bool {
        let held = self
            .grant
            .as_ref()
            .is_some_and(|grant| grant.scopes.includes(scopes));
        !held && self.authorizations < AUTHORIZATIONS
    }

    /// Returns true if authorizing again can help. A token that worked may have expired, or the
    /// authorization server may have changed. A token that never worked will not work the second
    /// time. Without a token, authorizing can help.
    const fn may_return(&self) -> bool {
        (self.accepted || self.grant.is_none()) && self.authorizations < AUTHORIZATIONS
    }
}

impl McpServer for McpClient<'_> {
    fn secrets(&self) -> Vec<Secret> {
        let grant = self.grant.iter();
        grant.flat_map(Grant::secrets).cloned().collect()
    }

    async fn call(
        &mut self,
        log: &mut Log<'_>,
        wire_format: &WireFormat,
        call: &Call,
    ) -> Step<Result<RpcResponse, TransportError>> {
        let heard = self.call_authorized(log, wire_format, call).await?;
        Ok(heard.map_err(TransportError::from))
    }

    async fn call_first(
        &mut self,
        wire_format: &WireFormat,
        call: &Call,
    ) -> Result<RpcResponse, TransportError> {
        let token = self.grant.as_ref().map(|grant| &grant.access);
        Ok(rpc::call(self.http, self.target, wire_format, token, call).await?)
    }

    /// Closes the session, as polite clients do; not every server supports that.
    async fn leave(&mut self, wire_format: &WireFormat) {
        let token = self.grant.as_ref().map(|grant| &grant.access);
        rpc::close(self.http, self.target, wire_format, token).await;
    }

    fn timeout(&self) -> Duration {
        self.http.timeout()
    }

    fn connection(&self, wire_format: &WireFormat) -> &'static str {
        match wire_format {
            WireFormat::Session { id: Some(_), .. } => "with a session",
            _ => "without a session",
        }
    }

    fn forbidden_hint(&self) -> String {
        let user_agent = self.http.mcp_user_agent();
        format!("if a firewall answers, allow requests {user_agent}")
    }
}
