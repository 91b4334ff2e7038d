//! What clients can register, and additional clients for the attempts.

use mcpo_common::secret::Secret;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::{AttackContext, Fresh, parameter},
    outcome::{AttackOutcome, AttackResult, refused, summarize},
    rules,
};
use crate::{
    check::Log,
    credentials::{AuthMethod, RegisteredClient},
    http::{Answer, RequestError},
};

pub async fn check(context: &AttackContext<'_>, log: &mut Log<'_>) {
    let script = "javascript:alert(document.domain)";
    rules::REGISTER_SCRIPT
        .check(log, redirect_uri(context, script))
        .await;
    let plain = "http://attacker.example/callback";
    rules::REGISTER_PLAIN_HTTP
        .check(log, redirect_uri(context, plain))
        .await;
    let fragment = "https://attacker.example/callback#fragment";
    rules::REGISTER_FRAGMENT
        .check(log, redirect_uri(context, fragment))
        .await;
    rules::REGISTER_PUBLIC.check(log, public(context)).await;
}

/// Uses a client without a secret, although the metadata offers only methods with one.
async fn public(context: &AttackContext<'_>) -> AttackResult {
    if !context.server.names_methods {
        let because = "the metadata does not say how clients authenticate";
        return Ok(AttackOutcome::Skipped(because.to_owned()));
    }
    if context.server.methods.contains(&AuthMethod::None) {
        return Ok(AttackOutcome::Skipped(
            "the server offers public clients".to_owned(),
        ));
    }
    let body = json!({"token_endpoint_auth_method": AuthMethod::None.name()});
    let Some(answer) = register(context, body).await? else {
        return Ok(AttackOutcome::Skipped(
            "the server does not register clients".to_owned(),
        ));
    };
    let registered = Some(&answer).filter(|answer| answer.status.is_success());
    let Some(registered) = registered.and_then(|answer| answer.json::<Registered>().ok()) else {
        return Ok(refused(&answer));
    };
    let client = RegisteredClient {
        key: None,
        repeats_id: false,
        id: registered.client_id,
        method: AuthMethod::None,
        secret: None,
        redirect_uri: context.redirect_uri.clone(),
    };
    let request = context.request_for(&client)?;
    let arrival = context.visit(&request.url, &[]).await?;
    let code = arrival.and_then(|arrival| parameter(&arrival.location, "code"));
    let Some(code) = code else {
        return Ok(AttackOutcome::Passed(
            "registered, but got no code".to_owned(),
        ));
    };
    let fresh = Fresh {
        code,
        verifier: request.verifier,
    };
    let answer = context.redeem_as(&client, &fresh, &[]).await?;
    Ok(AttackOutcome::when(
        answer.status.is_client_error(),
        format!(
            "registered; at the token endpoint without a secret: {}",
            summarize(&answer)
        ),
    ))
}

async fn redirect_uri(context: &AttackContext<'_>, address: &str) -> AttackResult {
    let body = json!({"redirect_uris": [address], "client_name": "mcpo probe"});
    match register(context, body).await? {
        Some(answer) => Ok(refused(&answer)),
        None => Ok(AttackOutcome::Skipped(
            "the server does not register clients".to_owned(),
        )),
    }
}

/// Registers a client like the probe's, changed by `more`; `None` if nothing can be registered.
pub async fn register(
    context: &AttackContext<'_>,
    more: Value,
) -> Result<Option<Answer>, RequestError> {
    let Some(endpoint) = &context.server.registration else {
        return Ok(None);
    };
    let mut body = json!({
        "client_name": "mcpo probe",
        "redirect_uris": [context.redirect_uri.as_str()],
        "application_type": if context.redirect_uri.scheme() == "https" { "web" } else { "native" },
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": context.client.method.name(),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    let request = context.http.request(Method::POST, endpoint)?.json(&body);
    context.http.send(request).await.map(Some)
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: Option<String>,
}

/// Registers a second client with the same abilities as the first.
pub async fn another(
    context: &AttackContext<'_>,
) -> Result<Option<RegisteredClient>, RequestError> {
    named(context, "mcpo probe").await
}

/// Registers a second client with this name.
pub async fn named(
    context: &AttackContext<'_>,
    name: &str,
) -> Result<Option<RegisteredClient>, RequestError> {
    let answer = register(context, json!({"client_name": name})).await?;
    let answer = answer.filter(|answer| answer.status.is_success());
    let registered: Option<Registered> = answer.and_then(|answer| answer.json().ok());
    Ok(registered.map(|registered| RegisteredClient {
        key: context.client.key.clone(),
        repeats_id: context.client.repeats_id,
        id: registered.client_id,
        method: match registered.client_secret {
            Some(_) => context.client.method,
            None => AuthMethod::None,
        },
        secret: registered.client_secret.map(Secret::new),
        redirect_uri: context.redirect_uri.clone(),
    }))
}
