//! Only tokens that were issued for this server must work, and only in the header.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::StatusCode;
use serde_json::json;

use super::{
    context::{AttackContext, parameter, read, with},
    outcome::{AttackOutcome, AttackResult, refused_with, summarize},
    rules,
};
use crate::{
    check::Log,
    credentials::{AuthMethod, RegisteredClient},
};

/// How many seconds an attempt waits for a token to expire.
const MAX_EXPIRY_WAIT: u64 = 30;

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    rules::TOKEN_TAMPERED.check(log, tampered(context)).await;
    rules::TOKEN_EXPIRED.check(log, expired(context)).await;
    rules::TOKEN_UNSIGNED.check(log, unsigned(context)).await;
    rules::TOKEN_IN_QUERY.check(log, in_query(context)).await;
    rules::TOKEN_REFRESH_AS_ACCESS
        .check(log, refresh_as_access(context))
        .await;
    rules::TOKEN_CODE_AS_ACCESS
        .check(log, code_as_access(context))
        .await;
    rules::TOKEN_OTHER_SCHEME
        .check(log, other_scheme(context))
        .await;
    rules::TOKEN_EVERY_METHOD
        .check(log, every_method(context))
        .await;
    rules::TOKEN_OTHER_AUDIENCE
        .check(log, other_audience(context))
        .await;
    rules::TOKEN_UNKNOWN_CLIENT
        .check(log, unknown_client(context))
        .await;
}

async fn unauthorized(context: &AttackContext<'_>, token: &str) -> AttackResult {
    let answer = context.present(token).await?;
    Ok(refused_with(&answer, StatusCode::UNAUTHORIZED))
}

/// Changes one character in the middle of a valid token.
async fn tampered(context: &AttackContext<'_>) -> AttackResult {
    let token = context.tokens().await?.access_token;
    let middle = token.chars().count() / 2;
    let change = |(index, character)| match (index == middle, character) {
        (false, other) => other,
        (true, 'A') => 'B',
        (true, _) => 'A',
    };
    let tampered: String = token.chars().enumerate().map(change).collect();
    unauthorized(context, &tampered).await
}

/// Uses an expired token, if it expires soon enough.
async fn expired(context: &AttackContext<'_>) -> AttackResult {
    let tokens = context.tokens().await?;
    let Some(lifetime) = tokens.expires_in else {
        return Ok(AttackOutcome::Weak(
            "no expires_in: the expiry is unknown".to_owned(),
        ));
    };
    if lifetime > MAX_EXPIRY_WAIT {
        return Ok(AttackOutcome::Skipped(format!(
            "the token expires after {lifetime} s, which is more than the {MAX_EXPIRY_WAIT} s that the probe waits"
        )));
    }
    tokio::time::sleep(Duration::from_secs(lifetime + 1)).await;
    unauthorized(context, &tokens.access_token).await
}

/// Uses a JWT that declares itself unsigned.
async fn unsigned(context: &AttackContext<'_>) -> AttackResult {
    let resource = context.resource.identifier.as_deref();
    let header = json!({"alg": "none", "typ": "at+jwt"});
    let claims = json!({
        "iss": context.server.issuer, "aud": resource, "sub": "admin", "client_id": context.client.id,
        "scope": context.scopes.to_string(), "iat": 1_700_000_000, "exp": 4_100_000_000_u64,
    });
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    unauthorized(
        context,
        &format!("{}.{}.", encode(&header), encode(&claims)),
    )
    .await
}

/// Sends a token in the query: queries end up in logs and referrers (RFC 6750 §5.3).
async fn in_query(context: &AttackContext<'_>) -> AttackResult {
    let token = context.tokens().await?.access_token;
    let url = with(context.target, "access_token", Some(&token));
    let request = super::context::list_tools(context.http, &url, context.wire_format, None)?;
    let answer = context.http.send_for_head(request).await?;
    Ok(AttackOutcome::when(
        answer.status.is_client_error(),
        summarize(&answer),
    ))
}

async fn refresh_as_access(context: &AttackContext<'_>) -> AttackResult {
    match context.tokens().await?.refresh_token {
        Some(refresh) => unauthorized(context, &refresh).await,
        None => Ok(AttackOutcome::Skipped(
            "no refresh token was issued".to_owned(),
        )),
    }
}

async fn code_as_access(context: &AttackContext<'_>) -> AttackResult {
    let code = context.fresh().await?.code;
    unauthorized(context, &code).await
}

async fn other_scheme(context: &AttackContext<'_>) -> AttackResult {
    let token = context.tokens().await?.access_token;
    let request = context
        .unauthenticated_request()?
        .header("authorization", format!("Basic {token}"));
    let answer = context.http.send_for_head(request).await?;
    Ok(refused_with(&answer, StatusCode::UNAUTHORIZED))
}

/// Calls other MCP methods without a token: each of them must be protected.
async fn every_method(context: &AttackContext<'_>) -> AttackResult {
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
        let (http, target) = (context.http, context.target);
        let request = crate::mcp::prepare(http, target, context.wire_format, None, &call)?;
        let answer = http.send_for_head(request).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(AttackOutcome::Failed(format!(
                "{method} without a token: {}",
                summarize(&answer)
            )));
        }
    }
    Ok(AttackOutcome::Passed(format!(
        "401 for {}",
        methods.join(", ")
    )))
}

/// Requests a token for another resource, which must not be issued, or must not be accepted here.
async fn other_audience(context: &AttackContext<'_>) -> AttackResult {
    let other = "https://attacker.example/mcp";
    let request = context.request()?;
    let url = with(&request.url, "resource", Some(other));
    let arrival = context.visit(&url, &[]).await?;
    let Some(code) = arrival.and_then(|arrival| parameter(&arrival.location, "code")) else {
        return Ok(AttackOutcome::Passed(
            "another resource is refused".to_owned(),
        ));
    };
    let fresh = super::context::Fresh {
        code,
        verifier: request.verifier,
    };
    let answer = context.redeem(&fresh, &[("resource", other)]).await?;
    let Ok(tokens) = read(&answer) else {
        return Ok(AttackOutcome::Passed(summarize(&answer)));
    };
    let accepted = context.accepts(&tokens.access_token).await?;
    let seen = if accepted {
        "a token for another resource is accepted"
    } else {
        "not accepted"
    };
    Ok(AttackOutcome::when(!accepted, seen))
}

/// Refreshes as an unknown client: real clients register again when they get this error.
async fn unknown_client(context: &AttackContext<'_>) -> AttackResult {
    let nobody = RegisteredClient {
        key: None,
        repeats_id: false,
        id: "nobody-knows-me".to_owned(),
        secret: None,
        method: AuthMethod::None,
        redirect_uri: context.redirect_uri.clone(),
    };
    let answer = context.refresh(&nobody, "made-up").await?;
    let held =
        answer.status == StatusCode::UNAUTHORIZED && summarize(&answer).ends_with("invalid_client");
    Ok(AttackOutcome::when(held, summarize(&answer)))
}
