//! Codes and errors must go only to registered redirect URIs.

use reqwest::Method;
use url::Url;

use super::{
    finding::{Finding, Held},
    lab::{Lab, parameter, with},
    registration, rules,
};
use crate::{
    check::Log,
    http::{Trouble, is_loopback},
};

/// How many redirects between pages of the server are followed.
const OWN_REDIRECTS: usize = 5;

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    let own = lab.redirect_uri;
    let bend = |change: fn(&mut Url)| {
        let mut bent = own.clone();
        change(&mut bent);
        bent.to_string()
    };
    let path = bend(|url| url.set_path(&format!("{}/extra", url.path().trim_end_matches('/'))));
    rules::REDIRECT_PATH.check(log, elsewhere(lab, path)).await;
    let query = bend(|url| url.set_query(Some("extra=1")));
    rules::REDIRECT_QUERY
        .check(log, elsewhere(lab, query))
        .await;
    let case = bend(|url| url.set_path(&url.path().to_uppercase()));
    rules::REDIRECT_CASE.check(log, elsewhere(lab, case)).await;
    rules::REDIRECT_PORT.check(log, port(lab)).await;
    let user = own.as_str().replacen("://", "://user@", 1);
    rules::REDIRECT_USER.check(log, elsewhere(lab, user)).await;
    let fragment = format!("{own}#extra");
    rules::REDIRECT_FRAGMENT
        .check(log, elsewhere(lab, fragment))
        .await;
    let host = own.host_str().unwrap_or_default();
    let longer = own
        .as_str()
        .replacen(host, &format!("{host}.attacker.example"), 1);
    rules::REDIRECT_HOST
        .check(log, elsewhere(lab, longer))
        .await;
    let foreign = "https://attacker.example/callback".to_owned();
    rules::REDIRECT_FOREIGN
        .check(log, elsewhere(lab, foreign))
        .await;
    rules::REDIRECT_OF_ERROR
        .check(log, error_elsewhere(lab))
        .await;
    rules::UNKNOWN_CLIENT.check(log, unknown_client(lab)).await;
    rules::ERROR_WITHOUT_PAGE
        .check(log, error_without_page(lab))
        .await;
}

/// Requests a response at `address`, which was never registered.
async fn elsewhere(lab: &Lab<'_>, address: String) -> Finding {
    if address == lab.redirect_uri.as_str() {
        return Ok(Held::Skipped("this is the registered address".to_owned()));
    }
    let url = with(&lab.request()?.url, "redirect_uri", Some(&address));
    sent_to(lab, &url, &address).await
}

async fn sent_to(lab: &Lab<'_>, url: &Url, address: &str) -> Finding {
    let Ok(bent) = Url::parse(address) else {
        return Ok(Held::Skipped(format!("{address} is not a URL")));
    };
    let Some(arrival) = lab.visit(url, &[&bent]).await? else {
        return Ok(Held::Yes(format!("{address} is refused")));
    };
    // A server that answers at the registered address instead sends nothing to the wrong place.
    let own = lab.redirect_uri;
    let mut bare = arrival.location.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    let mut extra = arrival.location.query_pairs();
    let at_home = bare == *own && !extra.any(|(name, _)| name == "extra");
    let kept = arrival.location.fragment() == bent.fragment() && bent.fragment().is_some();
    Ok(Held::when(
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
async fn port(lab: &Lab<'_>) -> Finding {
    let mut bent = lab.redirect_uri.clone();
    if is_loopback(&bent) || bent.set_port(Some(8443)).is_err() {
        return Ok(Held::Skipped("on loopback, any port is allowed".to_owned()));
    }
    elsewhere(lab, bent.to_string()).await
}

/// Requests an error at another address. A server that sends errors to unverified addresses is an
/// open redirector.
async fn error_elsewhere(lab: &Lab<'_>) -> Finding {
    let address = "https://attacker.example/error";
    let url = with(&lab.request()?.url, "redirect_uri", Some(address));
    let url = with(&url, "response_type", Some("nonsense"));
    sent_to(lab, &url, address).await
}

async fn unknown_client(lab: &Lab<'_>) -> Finding {
    let url = with(&lab.request()?.url, "client_id", Some("nobody-knows-me"));
    let arrived = lab.visit(&url, &[]).await?.is_some();
    Ok(Held::when(
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
async fn error_without_page(lab: &Lab<'_>) -> Finding {
    let Some(client) = registration::another(lab).await? else {
        return Ok(Held::Skipped(
            "the server does not register clients".to_owned(),
        ));
    };
    let request = lab.request_for(&client)?.url;
    for (name, value) in [("response_type", "none"), ("scope", "mcpo:no-such-scope")] {
        let url = with(&request, name, Some(value));
        if is_sent_on(lab, url).await? {
            return Ok(Held::No(format!(
                "{name}={value}: redirected to the client without a page"
            )));
        }
    }
    Ok(Held::Yes("a page comes first".to_owned()))
}

/// Returns true if a new browser is redirected to the client before it sees a page.
async fn is_sent_on(lab: &Lab<'_>, url: Url) -> Result<bool, Trouble> {
    let stranger = lab.exchange.stranger();
    let mut url = url;
    for _ in 0..=OWN_REDIRECTS {
        let answer = stranger.send(stranger.browse(Method::GET, &url)?).await?;
        let Some(location) = answer.location() else {
            return Ok(false);
        };
        let own = lab.redirect_uri;
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
