//! How the client becomes known: by hand, by a document, or by dynamic registration (RFC 7591).

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::server::{AuthMethod, AuthorizationServer};
use crate::probe::{
    args::Identity,
    check::{Fault, Log, Pending, Step, Suggestion},
    http::Exchange,
    rules,
    secret::Secret,
};

/// A client as one authorization server knows it; worth nothing at any other.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    pub secret: Option<Secret>,
    pub method: AuthMethod,
    pub redirect_uri: Url,
}

impl Client {
    /// Ids may be hundreds of characters long; their beginning tells them apart.
    pub fn shown_id(&self) -> String {
        const SHOWN: usize = 32;
        match self.id.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &self.id[..end]),
            None => self.id.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Registered {
    client_id: Option<String>,
    client_secret: Option<String>,
    token_endpoint_auth_method: Option<String>,
}

/// Registers with `server`, or takes what the user brought along.
pub async fn register(
    exchange: &Exchange,
    log: &mut Log<'_>,
    server: &AuthorizationServer,
    identity: &Identity,
    redirect_uri: &Url,
) -> Step<Client> {
    let pending = rules::REGISTRATION.begin();
    match (identity, &server.registration) {
        (Identity::Preregistered { id, secret }, _) => {
            pending.pass(log, format!("registered by hand as {id}"));
            let method = method_for(server, secret.is_some());
            let redirect_uri = redirect_uri.clone();
            Ok(Client {
                id: id.clone(),
                secret: secret.clone(),
                method,
                redirect_uri,
            })
        }
        (Identity::Document(url), _) if server.takes_documents => {
            pending.pass(log, format!("known by the document at {url}"));
            let redirect_uri = redirect_uri.clone();
            Ok(Client {
                id: url.to_string(),
                secret: None,
                method: AuthMethod::None,
                redirect_uri,
            })
        }
        (_, Some(endpoint)) => {
            dynamic(exchange, log, pending, server, endpoint, redirect_uri).await
        }
        (_, None) => {
            log.suggest(Suggestion::ClientId);
            let seen = "no registration_endpoint in the metadata";
            let hint = "offer dynamic registration, or register a client by hand and name it with --client-id";
            Err(pending.fail(
                log,
                Fault::new(seen, "a way for a new client to become known", hint),
            ))
        }
    }
}

/// The method that fits what the server offers and what the client holds.
fn method_for(server: &AuthorizationServer, has_secret: bool) -> AuthMethod {
    let wanted: &[AuthMethod] = if has_secret {
        &[AuthMethod::Basic, AuthMethod::Post, AuthMethod::None]
    } else {
        &[AuthMethod::None]
    };
    let offered = wanted.iter().find(|method| server.methods.contains(method));
    offered.copied().unwrap_or(wanted[0])
}

async fn dynamic(
    exchange: &Exchange,
    log: &mut Log<'_>,
    pending: Pending,
    server: &AuthorizationServer,
    endpoint: &Url,
    redirect_uri: &Url,
) -> Step<Client> {
    let order = [AuthMethod::None, AuthMethod::Basic, AuthMethod::Post];
    let asked = order
        .into_iter()
        .find(|method| server.methods.contains(method))
        .unwrap_or(AuthMethod::None);
    let native = redirect_uri.scheme() != "https";
    let body = json!({
        "client_name": "mcpo probe",
        "redirect_uris": [redirect_uri.as_str()],
        "application_type": if native { "native" } else { "web" },
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": asked.name(),
    });
    let expected = "201 with a client_id";
    let answer = match exchange.request(Method::POST, endpoint) {
        Ok(request) => exchange.send(request.json(&body)).await,
        Err(trouble) => Err(trouble),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(trouble) => {
            let fault = Fault::new(format!("{endpoint}: {trouble}"), expected, trouble.hint());
            return Err(pending.fail(log, fault));
        }
    };
    let registered: Option<Registered> = answer.json().ok().filter(|_| answer.status.is_success());
    let Some(Registered {
        client_id: Some(id),
        client_secret,
        token_endpoint_auth_method,
    }) = registered
    else {
        let kind = if native { "native" } else { "web" };
        let hint = match answer.status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                format!("{endpoint} does not register: name the endpoint that does in the metadata")
            }
            _ => format!("accept a {kind} client with the redirect URI {redirect_uri}"),
        };
        return Err(pending.fail(log, Fault::new(answer.summary(), expected, hint)));
    };
    let secret = client_secret.map(Secret::new);
    let method = match token_endpoint_auth_method.as_deref() {
        // What the server registered counts, not what was asked for.
        Some(name) => {
            let Some(method) = AuthMethod::parse(name) else {
                let seen = format!("token_endpoint_auth_method {name}");
                let expected = "none, client_secret_basic or client_secret_post";
                let hint = "register the method that was asked for";
                return Err(pending.fail(log, Fault::new(seen, expected, hint)));
            };
            method
        }
        None if server.methods.contains(&asked) => asked,
        None => method_for(server, secret.is_some()),
    };
    let client = Client {
        id,
        secret,
        method,
        redirect_uri: redirect_uri.clone(),
    };
    let seen = format!(
        "{}, {} at the token endpoint",
        client.shown_id(),
        method.name()
    );
    pending.pass(log, seen);
    Ok(client)
}
