//! Bodies that are too large, too deep or malformed: the server must refuse them and keep running.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use mcpo_common::secret::Secret;
use reqwest::{Body, Method, RequestBuilder};
use url::Url;

use super::{
    context::{AttackContext, list_tools},
    outcome::{AttackOutcome, AttackResult, summarize},
    rules,
};
use crate::{
    check::Log,
    http::{Answer, HttpClient, RequestError},
    mcp::WireFormat,
};

/// The size of a body that is too large, in bytes: more than any client sends.
const LARGE: usize = 4 * 1024 * 1024;
/// The depth of a message that is too deep: recursive parsers run out of stack.
const DEEP: usize = 100_000;
/// How many single bytes are sent at once. A server that keeps each byte in its own buffer needs
/// some megabytes for a moment, and no more.
const CRUMBS: u32 = 2_000;
/// The pause before each further byte.
const NEXT_CRUMB: Duration = Duration::from_millis(500);
/// How long a server may keep reading.
const TRICKLE: Duration = Duration::from_secs(20);
/// What programs print after an unexpected error.
const INNARDS: [&str; 6] = [
    "Traceback (most recent",
    "panicked at",
    "at Object.<anonymous>",
    "node_modules",
    "site-packages",
    "stack backtrace",
];

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::BODY_LARGE_REGISTRATION
        .check(log, large_registration(context))
        .await;
    rules::BODY_LARGE_TOKEN
        .check(log, large_token(context))
        .await;
    rules::BODY_TRICKLE.check(log, trickle(context)).await;
    rules::BODY_NONSENSE.check(log, nonsense(context)).await;
}

pub async fn check_endpoint(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    wire_format: &WireFormat,
    token: Option<&Secret>,
) {
    let deep = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
    let attempt = survive(http, target, wire_format, token, deep);
    rules::BODY_DEEP.check(log, attempt).await;
    let attempt = survive(
        http,
        target,
        wire_format,
        token,
        "{\"jsonrpc\": \"2.0\", ".to_owned(),
    );
    rules::BODY_HALF.check(log, attempt).await;
}

/// Sends `body` to the MCP endpoint, then checks that the endpoint still answers.
async fn survive(
    http: &HttpClient,
    target: &Url,
    wire_format: &WireFormat,
    token: Option<&Secret>,
    body: String,
) -> AttackResult {
    let request = list_tools(http, target, wire_format, token)?.body(body);
    let answer = http.send(request).await?;
    if !answer.status.is_client_error() && !is_json_error(&answer) {
        return Ok(AttackOutcome::Failed(summarize(&answer)));
    }
    let again = http
        .send_for_head(list_tools(http, target, wire_format, token)?)
        .await?;
    Ok(AttackOutcome::when(
        again.status.is_success(),
        format!(
            "{}; the next call: {}",
            summarize(&answer),
            summarize(&again)
        ),
    ))
}

fn is_json_error(answer: &Answer) -> bool {
    let message: Option<serde_json::Value> = answer.json().ok();
    answer.status.is_success() && message.is_some_and(|message| message.get("error").is_some())
}

async fn large_registration(context: &AttackContext<'_>) -> AttackResult {
    let Some(endpoint) = &context.server.registration else {
        return Ok(AttackOutcome::Skipped(
            "the server does not register clients".to_owned(),
        ));
    };
    // On separate connections: a server may close them early.
    let client = context.http.without_state();
    let name = "x".repeat(LARGE);
    let uri = context.redirect_uri.as_str();
    let body = serde_json::json!({"client_name": name, "redirect_uris": [uri]});
    too_large(&client, client.request(Method::POST, endpoint)?.json(&body)).await
}

async fn large_token(context: &AttackContext<'_>) -> AttackResult {
    let client = context.http.without_state();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &"x".repeat(LARGE)),
    ];
    too_large(
        &client,
        client
            .request(Method::POST, &context.server.token)?
            .form(&form),
    )
    .await
}

/// Checks that the server refuses the request. It may also close the connection early: then it did
/// not read the rest.
async fn too_large(http: &HttpClient, request: RequestBuilder) -> AttackResult {
    match http.send_for_head(request).await {
        Ok(answer) => Ok(AttackOutcome::when(
            answer.status.is_client_error(),
            summarize(&answer),
        )),
        Err(error @ (RequestError::Refused | RequestError::TimedOut(_))) => Err(error),
        Err(_) => Ok(AttackOutcome::Passed(
            "the connection was closed".to_owned(),
        )),
    }
}

/// Sends an endless body of single bytes, on one connection and without authentication. The memory
/// that this takes cannot be seen from outside, but the time that the server keeps reading can.
async fn trickle(context: &AttackContext<'_>) -> AttackResult {
    let client = context.http.without_state().with_timeout(TRICKLE);
    let crumbs = stream::unfold(0_u32, |sent| async move {
        if sent >= CRUMBS {
            tokio::time::sleep(NEXT_CRUMB).await;
        }
        Some((
            Ok::<_, Infallible>(Bytes::from_static(b"a")),
            sent.saturating_add(1),
        ))
    });
    let request = client
        .request(Method::POST, &context.server.token)?
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::wrap_stream(crumbs));
    match client.send_for_head(request).await {
        Ok(answer) => Ok(AttackOutcome::when(
            !answer.status.is_success(),
            summarize(&answer),
        )),
        Err(error @ RequestError::Refused) => Err(error),
        Err(RequestError::TimedOut(_)) => Ok(AttackOutcome::Weak(format!(
            "still reading after {} s and more than {CRUMBS} chunks of one byte: a few such \
             connections occupy the server for as long as they like, and its memory if it keeps chunks",
            TRICKLE.as_secs()
        ))),
        Err(_) => Ok(AttackOutcome::Passed(
            "the connection was closed".to_owned(),
        )),
    }
}

async fn nonsense(context: &AttackContext<'_>) -> AttackResult {
    let request = context.http.request(Method::POST, &context.server.token)?;
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = context
        .http
        .send(request.body(vec![0xff, 0x00, b'=', 0xfe]))
        .await?;
    let text = answer.text();
    let said = INNARDS.iter().find(|innards| text.contains(**innards));
    let seen = match said {
        Some(said) => format!("{}, which contains {said:?}", summarize(&answer)),
        None => summarize(&answer),
    };
    Ok(AttackOutcome::when(
        answer.status.is_client_error() && said.is_none(),
        seen,
    ))
}
