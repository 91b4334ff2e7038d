//! Host names that another party chose: `Host`, `Origin` and what proxies add.

use mcpo_common::secret::Secret;
use reqwest::{Method, RequestBuilder};
use url::Url;

use super::{
    context::{AttackContext, list_tools},
    outcome::{AttackOutcome, AttackResult, summarize},
    rules,
};
use crate::{
    check::Log,
    http::{HttpClient, RequestError, is_loopback},
    mcp::WireFormat,
};

const ATTACKER: &str = "attacker.example";

pub async fn check(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    wire_format: &WireFormat,
    token: Option<&Secret>,
) {
    let request = || list_tools(http, target, wire_format, token);
    let origin = format!("https://{ATTACKER}");
    let bent = request().map(|request| request.header("origin", &origin));
    rules::ORIGIN_FOREIGN.check(log, refused(http, bent)).await;
    let bent = request().map(|request| request.header("origin", "null"));
    rules::ORIGIN_NULL.check(log, refused(http, bent)).await;
    if !is_loopback(target) {
        // In front of a public server, a proxy selects by host name, so nothing would be learned.
        let because = "only servers on this machine can be reached under another host name";
        return log.skip(&[&rules::HOST_FOREIGN.rule], because);
    }
    let bent = request().map(|request| request.header("host", ATTACKER));
    rules::HOST_FOREIGN.check(log, refused(http, bent)).await;
}

async fn refused(http: &HttpClient, request: Result<RequestBuilder, RequestError>) -> AttackResult {
    let answer = http.send_for_head(request?).await?;
    Ok(AttackOutcome::when(
        answer.status.is_client_error(),
        summarize(&answer),
    ))
}

/// Checks that the metadata and the challenge do not depend on host names in a request.
pub async fn check_metadata(context: &AttackContext<'_>, log: &mut Log<'_>) {
    let forwarded = [
        ("x-forwarded-host", ATTACKER.to_owned()),
        ("forwarded", format!("host={ATTACKER};proto=https")),
        ("x-forwarded-server", ATTACKER.to_owned()),
    ];
    rules::FORWARDED_CHALLENGE
        .check(log, challenge(context, &forwarded))
        .await;
    rules::FORWARDED_METADATA
        .check(log, metadata(context, &forwarded))
        .await;
    let host = [("host", ATTACKER.to_owned())];
    if is_loopback(context.target) {
        rules::HOST_METADATA
            .check(log, metadata(context, &host))
            .await;
    } else {
        let because = "only servers on this machine can be reached under another host name";
        log.skip(&[&rules::HOST_METADATA.rule], because);
    }
}

async fn challenge(context: &AttackContext<'_>, headers: &[(&str, String)]) -> AttackResult {
    let mut request = context.unauthenticated_request()?;
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = context.http.send_for_head(request).await?;
    let named = answer.header("www-authenticate").unwrap_or_default();
    let held = !named.contains(ATTACKER);
    Ok(AttackOutcome::when(
        held,
        if held {
            "the challenge names the server itself"
        } else {
            "the challenge names the attacker"
        },
    ))
}

async fn metadata(context: &AttackContext<'_>, headers: &[(&str, String)]) -> AttackResult {
    let mut resource = context.target.clone();
    resource.set_path(&format!(
        "/.well-known/oauth-protected-resource{}",
        context.target.path()
    ));
    let mut server = context.server.token.clone();
    server.set_path("/.well-known/oauth-authorization-server");
    for url in [resource, server] {
        let mut request = context.http.request(Method::GET, &url)?;
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = context.http.send(request).await?;
        if answer.status.is_success() && answer.text().contains(ATTACKER) {
            return Ok(AttackOutcome::Failed(format!("{url} names the attacker")));
        }
    }
    Ok(AttackOutcome::Passed(
        "the metadata names the server itself, or nothing".to_owned(),
    ))
}
