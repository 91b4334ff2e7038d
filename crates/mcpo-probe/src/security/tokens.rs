//! Only tokens that were issued for this server must work, and only in the header.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use serde_json::json;

use super::{
    finding::{Finding, Held, refused_with, told},
    lab::{Lab, parameter, read, with},
    rules,
};
use crate::{
    check::Log,
    credentials::{AuthMethod, RegisteredClient},
};

/// How many seconds an attempt waits for a token to expire.
const PATIENCE: u64 = 30;

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    rules::TOKEN_TAMPERED.check(log, tampered(lab)).await;
    rules::TOKEN_EXPIRED.check(log, expired(lab)).await;
    rules::TOKEN_UNSIGNED.check(log, unsigned(lab)).await;
    rules::TOKEN_IN_QUERY.check(log, in_query(lab)).await;
    rules::TOKEN_REFRESH_AS_ACCESS
        .check(log, refresh_as_access(lab))
        .await;
    rules::TOKEN_CODE_AS_ACCESS
        .check(log, code_as_access(lab))
        .await;
    rules::TOKEN_OTHER_SCHEME
        .check(log, other_scheme(lab))
        .await;
    rules::TOKEN_EVERY_METHOD
        .check(log, every_method(lab))
        .await;
    rules::TOKEN_OTHER_AUDIENCE
        .check(log, other_audience(lab))
        .await;
    rules::TOKEN_UNKNOWN_CLIENT
        .check(log, unknown_client(lab))
        .await;
}

async fn unauthorized(lab: &Lab<'_>, token: &str) -> Finding {
    let answer = lab.present(token).await?;
    Ok(refused_with(&answer, StatusCode::UNAUTHORIZED))
}

/// Changes one character in the middle of a valid token.
async fn tampered(lab: &Lab<'_>) -> Finding {
    let token = lab.tokens().await?.access_token;
    let middle = token.chars().count() / 2;
    let change = |(index, character)| match (index == middle, character) {
        (false, other) => other,
        (true, 'A') => 'B',
        (true, _) => 'A',
    };
    let tampered: String = token.chars().enumerate().map(change).collect();
    unauthorized(lab, &tampered).await
}

/// Uses an expired token, if it expires soon enough.
async fn expired(lab: &Lab<'_>) -> Finding {
    let tokens = lab.tokens().await?;
    let Some(lifetime) = tokens.expires_in else {
        return Ok(Held::Weakly(
            "no expires_in: the expiry is unknown".to_owned(),
        ));
    };
    if lifetime > PATIENCE {
        return Ok(Held::Skipped(format!(
            "the token expires after {lifetime} s, which is more than the {PATIENCE} s that the probe waits"
        )));
    }
    tokio::time::sleep(Duration::from_secs(lifetime + 1)).await;
    unauthorized(lab, &tokens.access_token).await
}

/// Uses a JWT that declares itself unsigned.
async fn unsigned(lab: &Lab<'_>) -> Finding {
    let resource = lab.resource.identifier.as_deref();
    let header = json!({"alg": "none", "typ": "at+jwt"});
    let claims = json!({
        "iss": lab.server.issuer, "aud": resource, "sub": "admin", "client_id": lab.client.id,
        "scope": lab.scopes.to_string(), "iat": 1_700_000_000, "exp": 4_100_000_000_u64,
    });
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    unauthorized(lab, &format!("{}.{}.", encode(&header), encode(&claims))).await
}

/// Sends a token in the query: queries end up in logs and referrers (RFC 6750 §5.3).
async fn in_query(lab: &Lab<'_>) -> Finding {
    let token = lab.tokens().await?.access_token;
    let url = with(lab.target, "access_token", Some(&token));
    let request = super::lab::list_tools(lab.exchange, &url, lab.wire, None)?;
    let answer = lab.exchange.send_for_head(request).await?;
    Ok(Held::when(answer.status.is_client_error(), told(&answer)))
}

async fn refresh_as_access(lab: &Lab<'_>) -> Finding {
    match lab.tokens().await?.refresh_token {
        Some(refresh) => unauthorized(lab, &refresh).await,
        None => Ok(Held::Skipped("no refresh token was issued".to_owned())),
    }
}

async fn code_as_access(lab: &Lab<'_>) -> Finding {
    let code = lab.fresh().await?.code;
    unauthorized(lab, &code).await
}

async fn other_scheme(lab: &Lab<'_>) -> Finding {
    let token = lab.tokens().await?.access_token;
    let request = lab
        .knock()?
        .header("authorization", format!("Basic {token}"));
    let answer = lab.exchange.send_for_head(request).await?;
    Ok(refused_with(&answer, StatusCode::UNAUTHORIZED))
}

/// Calls other MCP methods without a token: each of them must be protected.
async fn every_method(lab: &Lab<'_>) -> Finding {
    let methods = [
        "tools/call",
        "resources/list",
        "resources/read",
        "prompts/list",
        "ping",
    ];
    for method in methods {
        let call = crate::mcp::Call {
            name: Some("whoami".to_owned()),
            ..crate::mcp::Call::new(method, json!({"name": "whoami", "arguments": {}}))
        };
        let (exchange, target) = (lab.exchange, lab.target);
        let request = crate::mcp::prepare(exchange, target, lab.wire, None, &call)?;
        let answer = exchange.send_for_head(request).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(Held::No(format!(
                "{method} without a token: {}",
                told(&answer)
            )));
        }
    }
    Ok(Held::Yes(format!("401 for {}", methods.join(", "))))
}

/// Requests a token for another resource, which must not be issued, or must not be accepted here.
async fn other_audience(lab: &Lab<'_>) -> Finding {
    let other = "https://attacker.example/mcp";
    let request = lab.request()?;
    let url = with(&request.url, "resource", Some(other));
    let arrival = lab.visit(&url, &[]).await?;
    let Some(code) = arrival.and_then(|arrival| parameter(&arrival.location, "code")) else {
        return Ok(Held::Yes("another resource is refused".to_owned()));
    };
    let fresh = super::lab::Fresh {
        code,
        verifier: request.verifier,
    };
    let answer = lab.redeem(&fresh, &[("resource", other)]).await?;
    let Ok(tokens) = read(&answer) else {
        return Ok(Held::Yes(told(&answer)));
    };
    let accepted = lab.accepts(&tokens.access_token).await?;
    let seen = if accepted {
        "a token for another resource is accepted"
    } else {
        "not accepted"
    };
    Ok(Held::when(!accepted, seen))
}

/// Refreshes as an unknown client: real clients register again when they get this error.
async fn unknown_client(lab: &Lab<'_>) -> Finding {
    let nobody = RegisteredClient {
        key: None,
        repeats_id: false,
        id: "nobody-knows-me".to_owned(),
        secret: None,
        method: AuthMethod::None,
        redirect_uri: lab.redirect_uri.clone(),
    };
    let answer = lab.refresh(&nobody, "made-up").await?;
    let held =
        answer.status == StatusCode::UNAUTHORIZED && told(&answer).ends_with("invalid_client");
    Ok(Held::when(held, told(&answer)))
}
