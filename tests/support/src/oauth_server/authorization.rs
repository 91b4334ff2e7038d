//! The authorization server: registration, pages, tokens.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Form, Json,
    extract::{Query, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{
    Fault,
    state::{Client, Pending, State},
};

type Pairs = HashMap<String, String>;

pub async fn register(Extract(state): Extract<Arc<State>>, Json(body): Json<Value>) -> Response {
    if state.has(Fault::RegistrationRefused) || state.has(Fault::HostileStrings) {
        let error = json!({"error": "invalid_redirect_uri", "error_description": state.text("only https redirect URIs")});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    if state.has(Fault::RegistrationWithoutId) {
        return (StatusCode::CREATED, Json(json!({"client_name": "x"}))).into_response();
    }
    assert!(
        body["application_type"] == "native" || body["application_type"] == "web",
        "{body}"
    );
    let method = body["token_endpoint_auth_method"]
        .as_str()
        .expect("a method")
        .to_owned();
    state.memory().registrations.push(body.clone());
    let id = state.fresh("client");
    let secret = (method != "none").then(|| state.fresh("secret%:+ü"));
    let redirect_uris = body["redirect_uris"].as_array().expect("redirect URIs");
    let client = Client {
        secret: secret.clone(),
        method: method.clone(),
        redirect_uris: redirect_uris
            .iter()
            .map(|uri| uri.as_str().expect("a URI").to_owned())
            .collect(),
    };
    state.memory().clients.insert(id.clone(), client);
    let mut answer = body;
    answer["client_id"] = json!(id);
    if let Some(secret) = secret {
        answer["client_secret"] = json!(secret);
    }
    (StatusCode::CREATED, Json(answer)).into_response()
}

pub async fn authorize(
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    Query(query): Query<Pairs>,
) -> Response {
    match state.settings.fault {
        Some(Fault::AuthorizeError500) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "boom").into_response();
        }
        Some(Fault::PageWithoutForm) => {
            return Html("<h1>Loading…</h1><script src=app.js></script>").into_response();
        }
        Some(Fault::PagesLoop) => {
            return Html(
                "<form><input type=hidden name=again value=1><button>Continue</button></form>",
            )
            .into_response();
        }
        _ => {}
    }
    if query.get("code_challenge_method").map(String::as_str) != Some("S256")
        || query.contains_key("resource") == state.settings.old.is_some()
    {
        return (StatusCode::BAD_REQUEST, "no PKCE or no resource").into_response();
    }
    if state.has(Fault::PasswordInUrl) {
        return Html(
            "<form action=/sign-in><input type=password name=p><button>Go</button></form>",
        )
        .into_response();
    }
    let signed_in = headers
        .get(header::COOKIE)
        .is_some_and(|cookie| cookie.to_str().unwrap_or("").contains("signed=in"));
    if state.settings.password.is_some() && !signed_in {
        return sign_in_page(&query);
    }
    let form = format!(
        "<!doctype html><title>Consent</title><form method=post action=/consent>{}\
         <button name=decision value=deny>Deny</button><button name=decision value=allow>Allow</button></form>",
        hidden(&query)
    );
    Html(form).into_response()
}

fn sign_in_page(query: &Pairs) -> Response {
    Html(format!(
        "<form method=post action=/sign-in>{}<label>Password <input type=password name=password></label>\
         <button>Sign in</button></form>",
        hidden(query)
    ))
    .into_response()
}

fn hidden(query: &Pairs) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;");
    let input = |(name, value): (&String, &String)| {
        format!(
            "<input type=hidden name=\"{}\" value=\"{}\">",
            escape(name),
            escape(value)
        )
    };
    query.iter().map(input).collect()
}

pub async fn sign_in(Extract(state): Extract<Arc<State>>, Form(mut form): Form<Pairs>) -> Response {
    let password = form.remove("password");
    if password != state.settings.password {
        return (StatusCode::UNAUTHORIZED, sign_in_page(&form)).into_response();
    }
    let mut next = Url::parse(&format!("{}/authorize", state.base)).expect("a URL");
    next.query_pairs_mut().extend_pairs(&form);
    let cookie = [(header::SET_COOKIE, "signed=in; Path=/; HttpOnly")];
    (cookie, Redirect::to(next.as_str())).into_response()
}

pub async fn consent(Extract(state): Extract<Arc<State>>, Form(form): Form<Pairs>) -> Response {
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (client, redirect_uri) = (get("client_id"), get("redirect_uri"));
    let known = state.memory().clients.get(&client).cloned();
    match known {
        Some(known)
            if known.redirect_uris.is_empty() || known.redirect_uris.contains(&redirect_uri) => {}
        None if state.takes_documents() && client.starts_with("https://") => {}
        _ => return (StatusCode::BAD_REQUEST, "unknown client or redirect URI").into_response(),
    }
    let code = state.fresh("code");
    let pending = Pending {
        client,
        redirect_uri: redirect_uri.clone(),
        challenge: get("code_challenge"),
        resource: get("resource"),
        scope: get("scope"),
    };
    state.memory().codes.insert(code.clone(), pending);
    let mut answer = vec![
        ("code", code),
        ("state", get("state")),
        ("iss", state.base.clone()),
    ];
    if get("decision") != "allow" || state.has(Fault::AccessDenied) {
        answer[0] = ("error", "access_denied".to_owned());
    }
    distort(&state, &mut answer);
    let mut location = Url::parse(&redirect_uri).expect("a redirect URI");
    location.query_pairs_mut().extend_pairs(&answer);
    Redirect::to(location.as_str()).into_response()
}

/// What the redirect says when something is wrong with it.
fn distort(state: &State, answer: &mut Vec<(&str, String)>) {
    match state.settings.fault {
        Some(Fault::NoCode) => drop(answer.remove(0)),
        Some(Fault::WrongState) => answer[1].1 = "somebody-else's".into(),
        Some(Fault::NoState) => drop(answer.remove(1)),
        Some(Fault::WrongIss) => answer[2].1 = "https://evil.example".into(),
        Some(Fault::IssWithSlash) => answer[2].1.push('/'),
        Some(Fault::NoIss) => drop(answer.remove(2)),
        Some(Fault::ErrorFromWrongIss) => {
            answer[0] = ("error", "call-0800-evil".to_owned());
            answer[2].1 = "https://evil.example".into();
        }
        _ => {}
    }
}

pub async fn token(
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    Form(form): Form<Pairs>,
) -> Response {
    let refuse = |status, error: &str| (status, Json(json!({"error": error}))).into_response();
    match state.settings.fault {
        Some(Fault::TokenError500) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "database is locked").into_response();
        }
        Some(Fault::TokenInvalidClient) => {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        _ => {}
    }
    let Some(client) = authenticated(&state, &headers, &form) else {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let pending = match get("grant_type").as_str() {
        "authorization_code" => state.memory().codes.remove(&get("code")).filter(|pending| {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")));
            pending.challenge == digest && pending.redirect_uri == get("redirect_uri")
        }),
        "refresh_token" if !state.has(Fault::RefreshRefused) => {
            state.memory().refresh.remove(&get("refresh_token"))
        }
        _ => None,
    };
    match pending {
        Some(pending) if pending.client == client && pending.resource == get("resource") => {
            issue(&state, pending, get("grant_type") == "refresh_token")
        }
        _ => refuse(StatusCode::BAD_REQUEST, "invalid_grant"),
    }
}

fn issue(state: &State, pending: Pending, refreshed: bool) -> Response {
    let (access, refresh) = (state.fresh("access"), state.fresh("refresh"));
    let broken = state.has(Fault::TokenNotAccepted)
        || (refreshed && state.has(Fault::RefreshedTokenNotAccepted));
    let mut answer = json!({
        "access_token": access,
        "token_type": if state.has(Fault::WrongTokenType) { "mac" } else { "Bearer" },
        "expires_in": 3600,
        "refresh_token": refresh,
    });
    if state.has(Fault::NoAccessToken) {
        answer["access_token"] = json!("");
    }
    {
        let mut memory = state.memory();
        if !broken {
            memory.access.insert(access, pending.scope.clone());
        }
        memory.refresh.insert(refresh, pending);
    }
    let caching = if state.has(Fault::TokenCached) {
        "public"
    } else {
        "no-store"
    };
    ([(header::CACHE_CONTROL, caching)], Json(answer)).into_response()
}

/// The client of a token request, if it proves itself as it registered.
fn authenticated(state: &State, headers: &HeaderMap, form: &Pairs) -> Option<String> {
    let decode = |text: &str| {
        let pairs = format!("v={text}");
        let pair = url::form_urlencoded::parse(pairs.as_bytes()).next();
        pair.map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let basic = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let pair =
                String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
            let (id, secret) = pair.split_once(':')?;
            Some((decode(id), decode(secret)))
        });
    let id = basic.as_ref().map_or_else(
        || form.get("client_id").cloned(),
        |(id, _)| Some(id.clone()),
    )?;
    let Some(client) = state.memory().clients.get(&id).cloned() else {
        return (state.takes_documents() && id.starts_with("https://")).then_some(id);
    };
    let proven = match client.method.as_str() {
        "client_secret_basic" => basic.map(|(_, secret)| secret) == client.secret,
        "client_secret_post" => {
            basic.is_none() && form.get("client_secret") == client.secret.as_ref()
        }
        _ => basic.is_none() && !form.contains_key("client_secret"),
    };
    proven.then_some(id)
}
