//! Checks that invalid tokens are rejected in the way that makes clients recover.
//!
//! An access token expires every hour. Clients refresh only after 401, and sign in again only after
//! `invalid_grant`. Any other response leaves a connected client without access forever.

use serde::Deserialize;

use crate::{
    check::{Fault, Log},
    credentials::altered,
    http::{Answer, HttpClient, RequestError},
    mcp::{self, Call, McpClient, Reply, Unauthorized, WireFormat},
    oauth::Grant,
    plan::Plan,
    rules,
};

/// Sends an invalid access token, then an invalid refresh token. Neither result ends the probe.
/// `challenges` is true if the server sent a challenge to a request without a token; if it sends
/// none at all, that has been reported already.
pub async fn check(
    plan: &Plan,
    peer: &McpClient<'_>,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
    challenges: bool,
) {
    let skipped = [&rules::INVALID_TOKEN, &rules::INVALID_REFRESH];
    let Some(grant) = &peer.grant else {
        log.skip(&skipped, "the server does not ask for a token");
        return;
    };
    if plan.only_valid_tokens {
        log.skip(&skipped, "--only-valid-tokens was given");
        return;
    }
    access(peer, grant, log, wire_format, challenges).await;
    refresh(plan, peer.http, grant, log).await;
}

async fn access(
    peer: &McpClient<'_>,
    grant: &Grant,
    log: &mut Log<'_>,
    wire_format: &WireFormat,
    challenges: bool,
) {
    let pending = rules::INVALID_TOKEN.begin();
    let list = Call::new("tools/list", serde_json::json!({}));
    let token = altered(&grant.access);
    let expected = "401 with a Bearer challenge";
    let hint = "answer 401 with WWW-Authenticate to every token that is not valid: clients refresh \
                only after 401";
    let reply = mcp::call(peer.http, peer.target, wire_format, Some(&token), &list).await;
    let seen = match reply.map(|heard| heard.reply) {
        Ok(Reply::Unauthorized(Unauthorized {
            challenge: Some(_), ..
        })) => return pending.pass(log, "401 with a challenge"),
        Ok(Reply::Unauthorized(_)) if !challenges => return pending.pass(log, "401"),
        Ok(Reply::Unauthorized(_)) => {
            let seen = "401 without a bearer challenge in WWW-Authenticate";
            return pending.warn(log, Fault::new(seen, expected, hint));
        }
        Ok(Reply::Result(_)) => {
            let hint = "verify the signature or look the token up before anything else: this \
                        server accepts a token that it did not issue";
            let fault = Fault::new("an invalid token is accepted", expected, hint);
            let _ = pending.fail(log, fault);
            return;
        }
        Ok(reply) => reply.summary(),
        Err(error) => error.to_string(),
    };
    let _ = pending.fail(log, Fault::new(seen, expected, hint));
}

#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
}

async fn refresh(plan: &Plan, http: &HttpClient, grant: &Grant, log: &mut Log<'_>) {
    let pending = rules::INVALID_REFRESH.begin();
    let http = http.with_timeout(plan.refresh_timeout);
    match grant.refresh_altered(&http).await {
        None => pending.skip(log, "no refresh token was issued"),
        Some(answer) => match judge(answer) {
            Ok((true, seen)) => pending.pass(log, seen),
            Ok((false, seen)) => {
                let hint = "answer with status 400 and invalid_grant: clients that read only the \
                            status do not sign in again";
                pending.warn(log, Fault::new(seen, "HTTP 400, invalid_grant", hint));
            }
            Err(seen) => {
                let hint = "answer 400 invalid_grant to every refresh token that is unknown, \
                            expired or revoked: clients sign in again only then";
                let _ = pending.fail(log, Fault::new(seen, "HTTP 400, invalid_grant", hint));
            }
        },
    }
}

/// Returns whether the response is as specified, and what was seen. `Err` if clients do not recover
/// from it.
fn judge(answer: Result<Answer, RequestError>) -> Result<(bool, String), String> {
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status.is_success() {
        // The body may contain tokens.
        return Err(format!(
            "HTTP {} to an invalid token",
            answer.status.as_u16()
        ));
    }
    let response = answer.json::<ErrorResponse>();
    let error = response.map_or_else(|_| String::new(), |response| response.error);
    match (answer.status.as_u16(), error.as_str()) {
        (400, "invalid_grant") => Ok((true, "400 invalid_grant".to_owned())),
        // The SDKs read the error, and not the status.
        (401, "invalid_grant") | (400 | 401, "invalid_client") => Ok((false, answer.summary())),
        _ => Err(answer.summary()),
    }
}
