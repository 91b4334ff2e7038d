//! Tries the credentials of an earlier probe before signing in.

use std::time::Duration;

use serde_json::json;

use super::{
    client::McpClient,
    reply::Reply,
    rpc::{self, Call, WireFormat},
};
use crate::{
    check::{Fault, Log, Step},
    credentials::Credentials,
    http::RequestError,
    oauth::{Grant, Reached, Refusal},
    rules,
};

/// After this time, a server may have good reasons to forget a client.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl McpClient<'_> {
    /// Returns a grant without signing in; `None` if no tokens were kept, or none of them works.
    pub(super) async fn resume(
        &mut self,
        log: &mut Log<'_>,
        reached: &Reached,
    ) -> Step<Option<Grant>> {
        let Some(kept) = self.login.take_kept(reached) else {
            return Ok(None);
        };
        let mut grant = Grant::resumed(&kept, reached);
        let accepted = self.try_access(log, &kept).await?;
        // If the refresh token fails, the access token is worthless too: a client would be stuck.
        let good = match self.try_refresh(log, &kept, &mut grant).await {
            Some(refreshed) => refreshed,
            None => accepted,
        };
        if !good {
            return Ok(None);
        }
        log.skip(rules::SIGN_IN, "signed in with the kept credentials");
        Ok(Some(grant))
    }

    /// Checks that a token that has not expired still works, after any restart or redeploy.
    async fn try_access(&self, log: &mut Log<'_>, kept: &Credentials) -> Step<bool> {
        let pending = rules::KEPT_ACCESS.begin();
        if !kept.is_fresh() {
            pending.skip(log, "it has expired, as expected");
            return Ok(false);
        }
        let list = Call::new("tools/list", json!({}));
        let wire_format = WireFormat::Stateless;
        let token = Some(&kept.access);
        match rpc::call(self.http, self.target, &wire_format, token, &list).await {
            Ok(heard) if !matches!(heard.reply, Reply::Unauthorized(_)) => {
                pending.pass(log, format!("accepted, issued {}", ago(kept.age())));
                Ok(true)
            }
            Ok(heard) => {
                let seen = format!("{}, issued {}", heard.reply.summary(), ago(kept.age()));
                let hint = "keep signing keys and tokens outside the process";
                pending.warn(
                    log,
                    Fault::new(seen, "an answer to a request with the kept token", hint),
                );
                Ok(false)
            }
            Err(error) => Err(unanswered(log, pending, &error)),
        }
    }

    /// Returns true if the refresh token works; `None` if there is none.
    ///
    /// Clients send an invalid refresh token or client id forever, and show the server as connected
    /// but without tools.
    async fn try_refresh(
        &mut self,
        log: &mut Log<'_>,
        kept: &Credentials,
        grant: &mut Grant,
    ) -> Option<bool> {
        let pending = rules::KEPT_REFRESH.begin();
        match self.login.refresh(grant).await {
            Ok(Some(refreshed)) => {
                let seen = format!(
                    "{}, for the refresh token issued {}",
                    refreshed.summary,
                    ago(kept.age())
                );
                pending.pass_or_warn(log, seen, refreshed.warning);
                Some(true)
            }
            Ok(None) => {
                pending.skip(log, "no refresh token was issued");
                None
            }
            Err((refusal, fault)) => {
                let forgotten = refusal == Refusal::UnknownClient;
                if forgotten {
                    self.login.forget(&kept.issuer);
                }
                if forgotten || kept.age() < A_DAY {
                    // The probe continues: it signs in again.
                    let _ = pending.fail(log, fault);
                } else {
                    pending.warn(log, fault);
                }
                Some(false)
            }
        }
    }
}

fn unanswered(
    log: &mut Log<'_>,
    pending: crate::check::Pending,
    error: &RequestError,
) -> crate::check::Stop {
    let fault = Fault::new(
        error.to_string(),
        "an answer to a request with the kept token",
        error.hint(),
    );
    pending.fail(log, fault)
}

fn ago(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds @ 120..7_200 => format!("{} min ago", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h ago", seconds / 3_600),
        seconds => format!("{} days ago", seconds / 86_400),
    }
}
