//! The first request of every client, without a token.

use serde_json::{Value, json};
use url::Url;

use super::{
    challenge_check,
    handshake::{initialize_call, negotiated},
    open_check,
    reply::Reply,
    rpc::{self, Call, WireFormat},
};
use crate::{
    check::{Fault, Log, Pending, Step},
    http::{HttpClient, RequestError},
    oauth::Challenge,
    rules,
};

/// What the server does with a request without a token.
#[derive(Debug)]
pub enum AuthRequirement {
    /// It requires a token.
    Guarded(Challenge),
    /// It answers.
    Open,
}

/// Sends `initialize` and, if that is open or not supported, `tools/list`.
pub async fn unauthenticated_request(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
) -> Step<AuthRequirement> {
    let pending = rules::CHALLENGE.begin();
    let first = match rpc::call(http, target, &WireFormat::Opening, None, &initialize_call()).await
    {
        Ok(heard) => heard,
        Err(error) => return Err(no_answer(log, pending, target, &error)),
    };
    let wire_format = match &first.reply {
        Reply::Unauthorized(unauthorized) => {
            let challenge =
                challenge_check::judge(http, log, pending, target, unauthorized, "").await;
            return Ok(AuthRequirement::Guarded(challenge));
        }
        Reply::Result(result) => match negotiated(result, first.session.clone()) {
            Some(wire_format) => wire_format,
            None => return Err(pending.fail(log, unexpected(http, target, &first.reply))),
        },
        _ => WireFormat::Stateless,
    };
    let list = Call::new("tools/list", json!({}));
    if matches!(wire_format, WireFormat::Session { .. }) {
        let initialized = Call::new(
            "notifications/initialized",
            Value::Object(serde_json::Map::default()),
        );
        if let Err(error) = rpc::call(http, target, &wire_format, None, &initialized).await {
            return Err(no_answer(log, pending, target, &error));
        }
    }
    match rpc::call(http, target, &wire_format, None, &list)
        .await
        .map(|heard| heard.reply)
    {
        Ok(Reply::Unauthorized(unauthorized)) => {
            let open = if wire_format == WireFormat::Stateless {
                ""
            } else {
                "initialize is open; tools/list: "
            };
            let challenge =
                challenge_check::judge(http, log, pending, target, &unauthorized, open).await;
            Ok(AuthRequirement::Guarded(challenge))
        }
        Ok(Reply::Result(_)) => {
            open_check::judge(http, log, pending, target).await;
            Ok(AuthRequirement::Open)
        }
        // A server without tools is open too.
        Ok(Reply::Error { .. }) if wire_format != WireFormat::Stateless => {
            open_check::judge(http, log, pending, target).await;
            Ok(AuthRequirement::Open)
        }
        Ok(_) => Err(pending.fail(log, unexpected(http, target, &first.reply))),
        Err(error) => Err(no_answer(log, pending, target, &error)),
    }
}

fn no_answer(
    log: &mut Log<'_>,
    pending: Pending,
    target: &Url,
    error: &RequestError,
) -> crate::check::Stop {
    if error.is_no_connection() {
        return pending.could_not_run(log, format!("{target}: {error}"), error.hint());
    }
    let expected = "401 with a WWW-Authenticate header, or an answer to initialize";
    pending.fail(log, Fault::new(error.to_string(), expected, error.hint()))
}

fn unexpected(http: &HttpClient, target: &Url, reply: &Reply) -> Fault {
    let hint = match target.path() {
        _ if reply.is_forbidden() => {
            format!("if a firewall answers, allow requests {}", http.mcp_user_agent())
        }
        "/" => "an MCP server's address usually ends in /mcp".to_owned(),
        _ => {
            "check the path; a POST there must reach the MCP endpoint itself, not a redirect or a page"
                .to_owned()
        }
    };
    Fault::new(
        reply.summary(),
        "401 with a WWW-Authenticate header, or an answer to initialize",
        hint,
    )
}
