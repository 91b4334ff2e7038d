//! How the client identifies itself: registered by hand, by document, or by dynamic registration
//! (RFC 7591).

use mcpo_common::secret::Secret;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::{registration_refusal::RegistrationRefusal, server::AuthorizationServer};
use crate::{
    check::{Fault, Log, Pending, Step, Suggestion},
    credentials::{AuthMethod, ClientKey, RegisteredClient},
    documents::{self, Judgment, Kind},
    http::{Answer, HttpClient},
    plan::{Identity, Plan},
    rules,
};

#[derive(Deserialize)]
struct Registered {
    client_id: Option<String>,
    client_secret: Option<String>,
    token_endpoint_auth_method: Option<String>,
}

/// Registers with `server`, or uses the identity that the user or the client already has.
pub async fn register(
    http: &HttpClient,
    log: &mut Log<'_>,
    server: &AuthorizationServer,
    plan: &Plan,
    identity: &Identity,
    redirect_uri: &Url,
) -> Step<RegisteredClient> {
    let pending = rules::REGISTRATION.begin();
    let known = |id: &str, secret: Option<Secret>, method| RegisteredClient {
        id: id.to_owned(),
        secret,
        method,
        redirect_uri: redirect_uri.clone(),
        key: None,
        repeats_id: false,
    };
    let document = match identity {
        Identity::Preregistered { id, secret, key } => {
            pending.pass(log, format!("registered by hand as {id}"));
            let method = match key {
                Some(_) => AuthMethod::PrivateKey,
                None => method_for(server, secret.is_some()),
            };
            return Ok(RegisteredClient {
                key: key.clone(),
                ..known(id, secret.clone(), method)
            });
        }
        Identity::Document(url) => Some(url).filter(|_| server.takes_documents),
        Identity::AsClient => document(server, plan, redirect_uri),
    };
    if let Some(url) = document {
        pending.pass(log, format!("known by the document at {url}"));
        return Ok(known(url.as_str(), None, AuthMethod::None));
    }
    if let Some(endpoint) = &server.registration {
        return dynamic(http, log, pending, server, endpoint, plan, redirect_uri).await;
    }
    log.suggest(Suggestion::ClientId);
    let (seen, hint) = without_registration(server, plan);
    Err(pending.fail(
        log,
        Fault::new(seen, "a way for a new client to register", hint),
    ))
}

/// Returns the client's own document if the client would use it: the server supports documents
/// together with `none`, and the redirect URI is one of the document's.
fn document<'p>(
    server: &AuthorizationServer,
    plan: &'p Plan,
    redirect_uri: &Url,
) -> Option<&'p Url> {
    let offered = server.takes_documents && server.methods.contains(&AuthMethod::None);
    let document = plan.profile.document.as_ref();
    document.filter(|_| offered && plan.profile.owns(redirect_uri))
}

fn without_registration(server: &AuthorizationServer, plan: &Plan) -> (&'static str, String) {
    let client = &plan.profile.title;
    if !server.takes_documents {
        let hint = "offer client_id_metadata_document_supported or a registration_endpoint, or register a client by hand and pass it with --client-id";
        return ("no registration_endpoint in the metadata", hint.to_owned());
    }
    if server.methods.contains(&AuthMethod::None) {
        let hint = format!(
            "{client} has no metadata document to use here: offer a registration_endpoint too"
        );
        ("metadata documents only, no registration_endpoint", hint)
    } else {
        let hint = r#"add "none" to token_endpoint_auth_methods_supported: clients use their documents only together with it"#;
        let seen = "metadata documents without \"none\" among the token endpoint's methods, and no registration_endpoint";
        (seen, hint.to_owned())
    }
}

/// Returns the method that matches what the server supports and what the client has.
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
    http: &HttpClient,
    log: &mut Log<'_>,
    pending: Pending,
    server: &AuthorizationServer,
    endpoint: &Url,
    plan: &Plan,
    redirect_uri: &Url,
) -> Step<RegisteredClient> {
    let order = [
        AuthMethod::None,
        AuthMethod::Basic,
        AuthMethod::Post,
        AuthMethod::PrivateKey,
    ];
    let asked = order
        .into_iter()
        .find(|method| server.methods.contains(method))
        .unwrap_or(AuthMethod::None);
    let mut body = body(plan, redirect_uri, asked);
    let key = match own_key(asked, &mut body) {
        Ok(key) => key,
        Err(error) => {
            let because = format!("failed to create a key for private_key_jwt: {error}");
            return Err(pending.could_not_run(log, because, ""));
        }
    };
    let expected = "201 with a client_id";
    let answer = match http.request(Method::POST, endpoint) {
        Ok(request) => http.send(request.json(&body)).await,
        Err(request_error) => Err(request_error),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(request_error) => {
            let fault = Fault::new(
                format!("{endpoint}: {request_error}"),
                expected,
                request_error.hint(),
            );
            return Err(pending.fail(log, fault));
        }
    };
    if let Some(refusal) = RegistrationRefusal::of(&answer, endpoint, &described(&body)) {
        return Err(refusal.record(log, pending));
    }
    let warning = match documents::judge(Kind::Registration, &answer, &plan.profile) {
        Judgment::Rejected(fault, _) if answer.status.is_success() => {
            return Err(pending.fail(log, fault));
        }
        judgment => judgment.warning(),
    };
    match accept(&answer, server, endpoint, &body, asked, redirect_uri) {
        Ok(client) => {
            let client = RegisteredClient { key, ..client };
            let seen = format!(
                "{}, {} at the token endpoint",
                client.shown_id(),
                client.method.name()
            );
            pending.pass_or_warn(log, seen, warning);
            Ok(client)
        }
        Err(fault) => Err(pending.fail(log, fault)),
    }
}

/// Returns the client as the server registered it.
fn accept(
    answer: &Answer,
    server: &AuthorizationServer,
    endpoint: &Url,
    body: &Map<String, Value>,
    asked: AuthMethod,
    redirect_uri: &Url,
) -> Result<RegisteredClient, Fault> {
    let registered: Option<Registered> = match documents::read(Kind::Registration, answer) {
        _ if !answer.status.is_success() => None,
        Ok(registered) => Some(registered),
        Err(rejection) if rejection.member.is_some() => {
            let kind = Kind::Registration;
            return Err(documents::unreadable(kind, endpoint, answer, &rejection));
        }
        Err(_) => None,
    };
    let Some(Registered {
        client_id: Some(id),
        client_secret,
        token_endpoint_auth_method,
    }) = registered
    else {
        let hint = match answer.status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                format!(
                    "{endpoint} does not register clients: name the right endpoint in the metadata"
                )
            }
            _ => format!("accept {}", described(body)),
        };
        return Err(Fault::new(answer.summary(), "201 with a client_id", hint));
    };
    let secret = client_secret.map(Secret::new);
    let method = match token_endpoint_auth_method.as_deref() {
        // The registered method counts, not the requested one.
        Some(name) => {
            let Some(method) = AuthMethod::parse(name) else {
                let name = if name.is_empty() { "empty" } else { name };
                let seen = format!("`token_endpoint_auth_method` is {name}");
                let expected = "none, client_secret_basic, client_secret_post or private_key_jwt";
                let hint = "answer with the method that the client has requested";
                return Err(Fault::new(seen, expected, hint));
            };
            method
        }
        None if server.methods.contains(&asked) => asked,
        None => method_for(server, secret.is_some()),
    };
    Ok(RegisteredClient {
        id,
        secret,
        method,
        redirect_uri: redirect_uri.clone(),
        key: None,
        repeats_id: false,
    })
}

/// Creates a key for a client that authenticates with one, and adds it to the registration.
fn own_key(
    method: AuthMethod,
    body: &mut Map<String, Value>,
) -> Result<Option<ClientKey>, ring::error::Unspecified> {
    if method != AuthMethod::PrivateKey {
        return Ok(None);
    }
    let key = ClientKey::generate()?;
    body.insert("jwks".into(), key.jwks()?);
    body.insert("token_endpoint_auth_signing_alg".into(), json!("ES256"));
    Ok(Some(key))
}

/// Returns the client's registration. A redirect URI of the user replaces those of the client.
fn body(plan: &Plan, redirect_uri: &Url, method: AuthMethod) -> Map<String, Value> {
    let mut body = plan.profile.registration.clone();
    if !plan.profile.redirect_uris().any(|own| own == *redirect_uri) {
        let native = redirect_uri.scheme() != "https";
        let kind = if native { "native" } else { "web" };
        body.insert("redirect_uris".into(), json!([redirect_uri.as_str()]));
        body.insert("application_type".into(), json!(kind));
    }
    body.insert("token_endpoint_auth_method".into(), json!(method.name()));
    body
}

/// Describes the client that registers.
fn described(body: &Map<String, Value>) -> String {
    let kind = body.get("application_type").and_then(Value::as_str);
    format!("a {} client with {}", kind.unwrap_or_default(), uris(body))
}

fn uris(body: &Map<String, Value>) -> String {
    let uris = body.get("redirect_uris").and_then(Value::as_array);
    let uris: Vec<&str> = uris
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match uris.as_slice() {
        [only] => format!("the redirect URI {only}"),
        several => format!("all of the redirect URIs {}", several.join(", ")),
    }
}
