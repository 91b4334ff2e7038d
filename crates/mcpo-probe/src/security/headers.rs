//! Host names that another party chose: `Host`, `Origin` and what proxies add.

use mcpo_common::secret::Secret;
use reqwest::{Method, RequestBuilder};
use url::Url;

use super::{
    finding::{Finding, Held, told},
    lab::{Lab, list_tools},
    rules,
};
use crate::{
    check::Log,
    http::{Exchange, Trouble, is_loopback},
    mcp::Wire,
};

const ATTACKER: &str = "attacker.example";

pub async fn check(
    exchange: &Exchange,
    log: &mut Log<'_>,
    target: &Url,
    wire: &Wire,
    token: Option<&Secret>,
) {
    let request = || list_tools(exchange, target, wire, token);
    let origin = format!("https://{ATTACKER}");
    let bent = request().map(|request| request.header("origin", &origin));
    rules::ORIGIN_FOREIGN
        .check(log, refused(exchange, bent))
        .await;
    let bent = request().map(|request| request.header("origin", "null"));
    rules::ORIGIN_NULL.check(log, refused(exchange, bent)).await;
    if !is_loopback(target) {
        // In front of a public server, a proxy selects by host name, so nothing would be learned.
        let because = "only servers on this machine can be reached under another host name";
        return log.skip(&[&rules::HOST_FOREIGN.rule], because);
    }
    let bent = request().map(|request| request.header("host", ATTACKER));
    rules::HOST_FOREIGN
        .check(log, refused(exchange, bent))
        .await;
}

async fn refused(exchange: &Exchange, request: Result<RequestBuilder, Trouble>) -> Finding {
    let answer = exchange.send_for_head(request?).await?;
    Ok(Held::when(answer.status.is_client_error(), told(&answer)))
}

/// Checks that the metadata and the challenge do not depend on host names in a request.
pub async fn check_metadata(lab: &Lab<'_>, log: &mut Log<'_>) {
    let forwarded = [
        ("x-forwarded-host", ATTACKER.to_owned()),
        ("forwarded", format!("host={ATTACKER};proto=https")),
        ("x-forwarded-server", ATTACKER.to_owned()),
    ];
    rules::FORWARDED_CHALLENGE
        .check(log, challenge(lab, &forwarded))
        .await;
    rules::FORWARDED_METADATA
        .check(log, metadata(lab, &forwarded))
        .await;
    let host = [("host", ATTACKER.to_owned())];
    if is_loopback(lab.target) {
        rules::HOST_METADATA.check(log, metadata(lab, &host)).await;
    } else {
        let because = "only servers on this machine can be reached under another host name";
        log.skip(&[&rules::HOST_METADATA.rule], because);
    }
}

async fn challenge(lab: &Lab<'_>, headers: &[(&str, String)]) -> Finding {
    let mut request = lab.knock()?;
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = lab.exchange.send_for_head(request).await?;
    let named = answer.header("www-authenticate").unwrap_or_default();
    let held = !named.contains(ATTACKER);
    Ok(Held::when(
        held,
        if held {
            "the challenge names the server itself"
        } else {
            "the challenge names the attacker"
        },
    ))
}

async fn metadata(lab: &Lab<'_>, headers: &[(&str, String)]) -> Finding {
    let mut resource = lab.target.clone();
    resource.set_path(&format!(
        "/.well-known/oauth-protected-resource{}",
        lab.target.path()
    ));
    let mut server = lab.server.token.clone();
    server.set_path("/.well-known/oauth-authorization-server");
    for url in [resource, server] {
        let mut request = lab.exchange.request(Method::GET, &url)?;
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = lab.exchange.send(request).await?;
        if answer.status.is_success() && answer.text().contains(ATTACKER) {
            return Ok(Held::No(format!("{url} names the attacker")));
        }
    }
    Ok(Held::Yes(
        "the metadata names the server itself, or nothing".to_owned(),
    ))
}
