//! Codes and errors must go only to registered redirect URIs.

use reqwest::Method;
use url::Url;

use super::{
    context::{AttackContext, parameter, with},
    outcome::{AttackOutcome, AttackResult},
    registration, rules,
};
use crate::{
    check::Log,
    http::{RequestError, is_loopback},
};

/// How many redirects between pages of the server are followed.
const OWN_REDIRECTS: usize = 5;

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    let own = context.redirect_uri;
    let bend = |change: fn(&mut Url)| {
        let mut bent = own.clone();
        change(&mut bent);
        bent.to_string()
    };
    let path = bend(|url| url.set_path(&format!("{}/extra", url.path().trim_end_matches('/'))));
    rules::REDIRECT_PATH
        .check(log, elsewhere(context, path))
        .await;
    let query = bend(|url| url.set_query(Some("extra=1")));
    rules::REDIRECT_QUERY
        .check(log, elsewhere(context, query))
        .await;
    let case = bend(|url| url.set_path(&url.path().to_uppercase()));
    rules::REDIRECT_CASE
        .check(log, elsewhere(context, case))
        .await;
    rules::REDIRECT_PORT.check(log, port(context)).await;
    let user = own.as_str().replacen("://", "://user@", 1);
    rules::REDIRECT_USER
        .check(log, elsewhere(context, user))
        .await;
    let fragment = format!("{own}#extra");
    rules::REDIRECT_FRAGMENT
        .check(log, elsewhere(context, fragment))
        .await;
    let host = own.host_str().unwrap_or_default();
    let longer = own
        .as_str()
        .replacen(host, &format!("{host}.attacker.example"), 1);
    rules::REDIRECT_HOST
        .check(log, elsewhere(context, longer))
        .await;
    let foreign = "https://attacker.example/callback".to_owned();
    rules::REDIRECT_FOREIGN
        .check(log, elsewhere(context, foreign))
        .await;
    rules::REDIRECT_OF_ERROR
        .check(log, error_elsewhere(context))
        .await;
    rules::UNKNOWN_CLIENT
        .check(log, unknown_client(context))
        .await;
    rules::ERROR_WITHOUT_PAGE
        .check(log, error_without_page(context))
        .await;
}

/// Requests a response at `address`, which was never registered.
async fn elsewhere(context: &AttackContext<'_>, address: String) -> AttackResult {
    if address == context.redirect_uri.as_str() {
        return Ok(AttackOutcome::Skipped(
            "this is the registered address".to_owned(),
        ));
    }
    let url = with(&context.request()?.url, "redirect_uri", Some(&address));
    sent_to(context, &url, &address).await
}

async fn sent_to(context: &AttackContext<'_>, url: &Url, address: &str) -> AttackResult {
    let Ok(bent) = Url::parse(address) else {
        return Ok(AttackOutcome::Skipped(format!("{address} is not a URL")));
    };
    let Some(arrival) = context.visit(url, &[&bent]).await? else {
        return Ok(AttackOutcome::Passed(format!("{address} is refused")));
    };
    // A server that answers at the registered address instead sends nothing to the wrong place.
    let own = context.redirect_uri;
    let mut bare = arrival.location.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let mut extra = arrival.location.query_pairs();
    let at_home = bare == *own && !extra.any(|(name, _)| name == "extra");
    let kept = arrival.location.fragment() == bent.fragment() && bent.fragment().is_some();
    Ok(AttackOutcome::when(
        at_home && !kept,
        if at_home && !kept {
            "answered at the registered redirect URI"
        } else {
            "the answer was sent there"
        },
    ))
}

/// Requests another port. On loopback, any port is allowed (RFC 8252 §7.3); elsewhere the port is
/// part of the address.
async fn port(context: &AttackContext<'_>) -> AttackResult {
    let mut bent = context.redirect_uri.clone();
    if is_loopback(&bent) || bent.set_port(Some(8443)).is_err() {
        return Ok(AttackOutcome::Skipped(
            "on loopback, any port is allowed".to_owned(),
        ));
    }
    elsewhere(context, bent.to_string()).await
}

/// Requests an error at another address. A server that sends errors to unverified addresses is an
/// open redirector.
async fn error_elsewhere(context: &AttackContext<'_>) -> AttackResult {
    let address = "https://attacker.example/error";
    let url = with(&context.request()?.url, "redirect_uri", Some(address));
    let url = with(&url, "response_type", Some("nonsense"));
    sent_to(context, &url, address).await
}

async fn unknown_client(context: &AttackContext<'_>) -> AttackResult {
    let url = with(
        &context.request()?.url,
        "client_id",
        Some("nobody-knows-me"),
    );
    let arrived = context.visit(&url, &[]).await?.is_some();
    Ok(AttackOutcome::when(
        !arrived,
        if arrived {
            "redirected for an unknown client"
        } else {
            "no redirect"
        },
    ))
}

/// Anyone can register a client whose redirect URI is a phishing page. If an invalid request is
/// enough to be redirected there, any link to the authorization server may lead there.
async fn error_without_page(context: &AttackContext<'_>) -> AttackResult {
    let Some(client) = registration::another(context).await? else {
        return Ok(AttackOutcome::Skipped(
            "the server does not register clients".to_owned(),
        ));
    };
    let request = context.request_for(&client)?.url;
    for (name, value) in [("response_type", "none"), ("scope", "mcpo:no-such-scope")] {
        let url = with(&request, name, Some(value));
        if is_sent_on(context, url).await? {
            return Ok(AttackOutcome::Failed(format!(
                "{name}={value}: redirected to the client without a page"
            )));
        }
    }
    Ok(AttackOutcome::Passed("a page comes first".to_owned()))
}

/// Returns true if a new browser is redirected to the client before it sees a page.
async fn is_sent_on(context: &AttackContext<'_>, url: Url) -> Result<bool, RequestError> {
    let client = context.http.without_state();
    let mut url = url;
    for _ in 0..=OWN_REDIRECTS {
        let answer = client.send(client.browse(Method::GET, &url)?).await?;
        let Some(location) = answer.location() else {
            return Ok(false);
        };
        let own = context.redirect_uri;
        if location.origin() == own.origin() && location.path() == own.path() {
            // `page-consent` checks for codes without a page.
            return Ok(parameter(&location, "code").is_none());
        }
        if location.origin() != answer.url.origin() {
            return Ok(false);
        }
        url = location;
    }
    Ok(false)
}
