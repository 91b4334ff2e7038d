//! The first request of every client, without a token.

use serde_json::{Value, json};
use url::Url;

use super::{
    challenge_check,
    fixed_token::{self, WithoutHeaders},
    handshake::{initialize_call, negotiated},
    no_endpoint, open_check,
    reply::Reply,
    rpc::{self, Call, WireFormat},
};
use crate::{
    check::{Fault, Log, Pending, Step, Stop, Suggestion},
    http::{HttpClient, RequestError},
    oauth::Challenge,
    profile::Profile,
    rules,
};

/// What the server does with a request without a token.
#[derive(Debug)]
pub enum AuthRequirement {
    /// It requires a token.
    Guarded(Challenge),
    /// It answers.
    Open,
    /// It answers because of the headers that the user added.
    FixedHeader,
}

/// Sends `initialize` and, if that is open or not supported, `tools/list`.
pub async fn unauthenticated_request(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    profile: &Profile,
) -> Step<AuthRequirement> {
    let pending = rules::CHALLENGE.begin();
    let first = match rpc::call(http, target, &WireFormat::Opening, None, &initialize_call()).await
    {
        Ok(heard) => heard,
        Err(error) => return Err(no_answer(http, log, pending, target, &error).await),
    };
    let wire_format = match &first.reply {
        Reply::Unauthorized(unauthorized) => {
            let challenge =
                challenge_check::judge(http, log, pending, target, unauthorized, "").await;
            return Ok(AuthRequirement::Guarded(challenge));
        }
        Reply::Result(result) => match negotiated(result, first.session.clone()) {
            Some(wire_format) => wire_format,
            None => {
                let elapsed = pending.elapsed();
                let fault = no_endpoint::explain(http, log, target, &first.reply, elapsed).await;
                return Err(pending.fail(log, fault));
            }
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
            return Err(no_answer(http, log, pending, target, &error).await);
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
            let without = fixed_token::without_headers(http, target, &wire_format, true).await;
            Ok(open(http, log, pending, target, profile, without).await)
        }
        // A server without tools is open too.
        Ok(Reply::Error { .. }) if wire_format != WireFormat::Stateless => {
            let without = fixed_token::without_headers(http, target, &wire_format, false).await;
            Ok(open(http, log, pending, target, profile, without).await)
        }
        Ok(reply) if wire_format != WireFormat::Stateless => {
            Err(pending.fail(log, no_endpoint::after_initialize(http, &reply)))
        }
        Ok(_) => {
            let elapsed = pending.elapsed();
            let fault = no_endpoint::explain(http, log, target, &first.reply, elapsed).await;
            Err(pending.fail(log, fault))
        }
        Err(error) => Err(no_answer(http, log, pending, target, &error).await),
    }
}

async fn no_answer(
    http: &HttpClient,
    log: &mut Log<'_>,
    pending: Pending,
    target: &Url,
    error: &RequestError,
) -> Stop {
    if let Some(url) = no_endpoint::other_scheme(http, target, error).await {
        let hint = format!("use {url}: the server listens there");
        log.suggest(Suggestion::Address(url));
        return pending.fail(
            log,
            Fault::new(error.to_string(), no_endpoint::EXPECTED, hint),
        );
    }
    if error.is_no_connection() {
        return pending.could_not_run(log, format!("{target}: {error}"), error.hint());
    }
    let fault = Fault::new(error.to_string(), no_endpoint::EXPECTED, error.hint());
    pending.fail(log, fault)
}

/// Judges a server that answers without a token.
async fn open(
    http: &HttpClient,
    log: &mut Log<'_>,
    pending: Pending,
    target: &Url,
    profile: &Profile,
    without_headers: WithoutHeaders,
) -> AuthRequirement {
    match without_headers {
        WithoutHeaders::Same => {
            open_check::judge(http, log, pending, target).await;
            AuthRequirement::Open
        }
        WithoutHeaders::SignIn => {
            let names = http.added_headers().join(", ");
            let seen = format!("answers with {names}; without, 401 with resource_metadata");
            let hint = "leave out --header to probe the sign-in that clients use";
            pending.warn(log, Fault::new(seen, "401, and a sign-in", hint));
            AuthRequirement::FixedHeader
        }
        WithoutHeaders::Refused(refusal) => {
            let names = http.added_headers().into_iter();
            log.seen.fixed_headers = names.map(str::to_owned).collect();
            fixed_token::judge(http, log, pending, profile, &refusal);
            AuthRequirement::FixedHeader
        }
        WithoutHeaders::Unknown(error) => {
            let names = http.added_headers().join(", ");
            let seen = format!("answers with {names}; without: {error}");
            let expected = "an answer, or a refusal, without them too";
            let hint = "leave out --header to see what other clients get";
            pending.warn(log, Fault::new(seen, expected, hint));
            AuthRequirement::FixedHeader
        }
    }
}
