//! What clients can register, and additional clients for the attempts.

use mcpo_common::secret::Secret;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    finding::{Finding, Held, refused, told},
    lab::{Fresh, Lab, parameter},
    rules,
};
use crate::{
    check::Log,
    credentials::{AuthMethod, RegisteredClient},
    http::{Answer, Trouble},
};

pub async fn check(lab: &Lab<'_>, log: &mut Log<'_>) {
    let script = "javascript:alert(document.domain)";
    rules::REGISTER_SCRIPT
        .check(log, redirect_uri(lab, script))
        .await;
    let plain = "http://attacker.example/callback";
    rules::REGISTER_PLAIN_HTTP
        .check(log, redirect_uri(lab, plain))
        .await;
    let fragment = "https://attacker.example/callback#fragment";
    rules::REGISTER_FRAGMENT
        .check(log, redirect_uri(lab, fragment))
        .await;
    rules::REGISTER_PUBLIC.check(log, public(lab)).await;
}

/// Uses a client without a secret, although the metadata offers only methods with one.
async fn public(lab: &Lab<'_>) -> Finding {
    if !lab.server.names_methods {
        let because = "the metadata does not say how clients authenticate";
        return Ok(Held::Skipped(because.to_owned()));
    }
    if lab.server.methods.contains(&AuthMethod::None) {
        return Ok(Held::Skipped("the server offers public clients".to_owned()));
    }
    let body = json!({"token_endpoint_auth_method": AuthMethod::None.name()});
    let Some(answer) = register(lab, body).await? else {
        return Ok(Held::Skipped(
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
        redirect_uri: lab.redirect_uri.clone(),
    };
    let request = lab.request_for(&client)?;
    let arrival = lab.visit(&request.url, &[]).await?;
    let code = arrival.and_then(|arrival| parameter(&arrival.location, "code"));
    let Some(code) = code else {
        return Ok(Held::Yes("registered, but got no code".to_owned()));
    };
    let fresh = Fresh {
        code,
        verifier: request.verifier,
    };
    let answer = lab.redeem_as(&client, &fresh, &[]).await?;
    Ok(Held::when(
        answer.status.is_client_error(),
        format!(
            "registered; at the token endpoint without a secret: {}",
            told(&answer)
        ),
    ))
}

async fn redirect_uri(lab: &Lab<'_>, address: &str) -> Finding {
    let body = json!({"redirect_uris": [address], "client_name": "mcpo probe"});
    match register(lab, body).await? {
        Some(answer) => Ok(refused(&answer)),
        None => Ok(Held::Skipped(
            "the server does not register clients".to_owned(),
        )),
    }
}

/// Registers a client like the walk's, changed by `more`; `None` if nothing can be registered.
pub async fn register(lab: &Lab<'_>, more: Value) -> Result<Option<Answer>, Trouble> {
    let Some(endpoint) = &lab.server.registration else {
        return Ok(None);
    };
    let mut body = json!({
        "client_name": "mcpo probe",
        "redirect_uris": [lab.redirect_uri.as_str()],
        "application_type": if lab.redirect_uri.scheme() == "https" { "web" } else { "native" },
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": lab.client.method.name(),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    let request = lab.exchange.request(Method::POST, endpoint)?.json(&body);
    lab.exchange.send(request).await.map(Some)
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    client_secret: Option<String>,
}

/// Registers a second client with the same abilities as the first.
pub async fn another(lab: &Lab<'_>) -> Result<Option<RegisteredClient>, Trouble> {
    named(lab, "mcpo probe").await
}

/// Registers a second client with this name.
pub async fn named(lab: &Lab<'_>, name: &str) -> Result<Option<RegisteredClient>, Trouble> {
    let answer = register(lab, json!({"client_name": name})).await?;
    let answer = answer.filter(|answer| answer.status.is_success());
    let registered: Option<Registered> = answer.and_then(|answer| answer.json().ok());
    Ok(registered.map(|registered| RegisteredClient {
        key: lab.client.key.clone(),
        repeats_id: lab.client.repeats_id,
        id: registered.client_id,
        method: match registered.client_secret {
            Some(_) => lab.client.method,
            None => AuthMethod::None,
        },
        secret: registered.client_secret.map(Secret::new),
        redirect_uri: lab.redirect_uri.clone(),
    }))
}
