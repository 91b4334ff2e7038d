//! The first request of every client, without a token.

use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::{
    greeting::{initialize_call, negotiated},
    reply::Reply,
    rpc::{self, Call, Wire},
};
use crate::{
    check::{Fault, Log, Pending, Step},
    http::{Exchange, Trouble},
    oauth::Challenge,
    rules,
};

/// What the server does with a request without a token.
#[derive(Debug)]
pub enum Doorway {
    /// It requires a token.
    Guarded(Challenge),
    /// It answers.
    Open,
}

/// Sends `initialize` and, if that is open or not supported, `tools/list`.
pub async fn knock(exchange: &Exchange, log: &mut Log<'_>, target: &Url) -> Step<Doorway> {
    let pending = rules::CHALLENGE.begin();
    let first = match rpc::call(exchange, target, &Wire::Opening, None, &initialize_call()).await {
        Ok(heard) => heard,
        Err(trouble) => return Err(no_answer(log, pending, target, &trouble)),
    };
    let wire = match &first.reply {
        Reply::Unauthorized(challenge) => {
            return Ok(Doorway::Guarded(judge(log, pending, challenge.clone(), "")));
        }
        Reply::Result(result) => match negotiated(result, first.session.clone()) {
            Some(wire) => wire,
            None => return Err(pending.fail(log, unexpected(target, &first.reply))),
        },
        _ => Wire::Stateless,
    };
    let list = Call::new("tools/list", json!({}));
    if matches!(wire, Wire::Session { .. }) {
        let initialized = Call::new(
            "notifications/initialized",
            Value::Object(serde_json::Map::default()),
        );
        if let Err(trouble) = rpc::call(exchange, target, &wire, None, &initialized).await {
            return Err(no_answer(log, pending, target, &trouble));
        }
    }
    match rpc::call(exchange, target, &wire, None, &list)
        .await
        .map(|heard| heard.reply)
    {
        Ok(Reply::Unauthorized(challenge)) => {
            let open = if wire == Wire::Stateless {
                ""
            } else {
                "initialize is open; tools/list: "
            };
            Ok(Doorway::Guarded(judge(log, pending, challenge, open)))
        }
        Ok(Reply::Result(_)) => {
            pending.pass(log, "answers without a token: open to everyone");
            Ok(Doorway::Open)
        }
        // A server without tools is open too.
        Ok(Reply::Error { .. }) if wire != Wire::Stateless => {
            pending.pass(log, "answers without a token: open to everyone");
            Ok(Doorway::Open)
        }
        Ok(_) => Err(pending.fail(log, unexpected(target, &first.reply))),
        Err(trouble) => Err(no_answer(log, pending, target, &trouble)),
    }
}

fn no_answer(
    log: &mut Log<'_>,
    pending: Pending,
    target: &Url,
    trouble: &Trouble,
) -> crate::check::Stop {
    if trouble.is_no_connection() {
        return pending.could_not_run(log, format!("{target}: {trouble}"), trouble.hint());
    }
    let expected = "401 with a WWW-Authenticate header, or an answer to initialize";
    pending.fail(
        log,
        Fault::new(trouble.to_string(), expected, trouble.hint()),
    )
}

fn unexpected(target: &Url, reply: &Reply) -> Fault {
    let hint = match target.path() {
        "/" => "an MCP server's address usually ends in /mcp",
        _ => {
            "check the path; a POST there must reach the MCP endpoint itself, not a redirect or a page"
        }
    };
    Fault::new(
        reply.summary(),
        "401 with a WWW-Authenticate header, or an answer to initialize",
        hint,
    )
}

/// Checks the challenge. Most clients stop if it is missing; the walk tries the well-known
/// addresses.
fn judge(
    log: &mut Log<'_>,
    pending: Pending,
    challenge: Option<Challenge>,
    open: &str,
) -> Challenge {
    let status = StatusCode::UNAUTHORIZED.as_u16();
    let expected = "WWW-Authenticate: Bearer resource_metadata=\"…\"";
    let hint = "add the header to every 401 of the MCP endpoint; without it claude.ai does not find the sign-in";
    match challenge {
        None => {
            let seen = format!("{open}{status} without a bearer challenge in WWW-Authenticate");
            pending.fail(log, Fault::new(seen, expected, hint));
            Challenge::default()
        }
        Some(challenge) if challenge.unverified_metadata.is_none() => {
            let seen = format!("{open}{status}, a bearer challenge without resource_metadata");
            pending.warn(log, Fault::new(seen, expected, hint));
            challenge
        }
        Some(challenge) => {
            let scopes = if challenge.scopes.is_empty() {
                "no scope".to_owned()
            } else {
                format!("scope {}", challenge.scopes)
            };
            pending.pass(
                log,
                format!("{open}{status} with resource_metadata, {scopes}"),
            );
            challenge
        }
    }
}
