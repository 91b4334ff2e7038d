//! Checks the challenge of the first request.

use reqwest::{Method, StatusCode};
use url::Url;

use super::reply::Unauthorized;
use crate::{
    check::{Fault, Log, Pending},
    http::HttpClient,
    oauth::Challenge,
};

const EXPECTED: &str = "WWW-Authenticate: Bearer resource_metadata=\"…\"";
const STATUS: u16 = StatusCode::UNAUTHORIZED.as_u16();

/// Checks the challenge of a 401 to a POST. `open` is put before what was seen. Most clients stop if
/// the challenge is missing; the probe tries the well-known addresses.
pub async fn judge(
    http: &HttpClient,
    log: &mut Log<'_>,
    pending: Pending,
    target: &Url,
    unauthorized: &Unauthorized,
    open: &str,
) -> Challenge {
    let Unauthorized {
        challenge,
        received,
    } = unauthorized;
    let hint = "add the header to every 401 of the MCP endpoint; without it claude.ai does not find \
                the sign-in. If the server wants a fixed token, pass it with --header";
    let fault =
        |seen: String, hint: &str| Fault::new(format!("{open}{STATUS} {seen}"), EXPECTED, hint);
    let Some(challenge) = challenge else {
        let (more, hint) = if is_on_get(http, target).await {
            let hint = "send the header with the 401 of every method: clients read that of POST";
            ("; the 401 to GET has one", hint)
        } else {
            ("", hint)
        };
        let seen = match received.as_str() {
            "" => format!("without a bearer challenge in WWW-Authenticate{more}"),
            received => format!("without a readable bearer challenge: {received}{more}"),
        };
        pending.fail(log, fault(seen, hint));
        return Challenge::default();
    };
    if challenge.unverified_metadata.is_none() {
        let seen = format!("with a bearer challenge without resource_metadata: {received}");
        pending.warn(log, fault(seen, hint));
    } else if !challenge.flaws.is_empty() {
        let seen = format!("with {}: {received}", challenge.flaws.join(", "));
        let hint = "send one bearer challenge with each parameter once, and its value in quotes";
        pending.warn(log, fault(seen, hint));
    } else {
        let scopes = if challenge.scopes.is_empty() {
            "no scope".to_owned()
        } else {
            format!("scope {}", challenge.scopes)
        };
        let seen = format!("{open}{STATUS} with resource_metadata, {scopes}");
        pending.pass(log, seen);
    }
    challenge.clone()
}

/// Returns true if the 401 to a GET has the challenge that the one to a POST lacks.
async fn is_on_get(http: &HttpClient, target: &Url) -> bool {
    let Ok(request) = http.request(Method::GET, target) else {
        return false;
    };
    let request = request.header("accept", "text/event-stream");
    let answer = http.send_for_head(request).await;
    answer.is_ok_and(|answer| Challenge::from_headers(&answer.headers).is_some())
}
