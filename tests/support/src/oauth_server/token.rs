//! The token endpoint.

use std::{collections::HashMap, sync::Arc, time::Instant};

use axum::{
    Form, Json,
    extract::State as Extract,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    Fault, Vulnerability,
    state::{Pending, State},
};

type Pairs = HashMap<String, String>;

pub async fn token(
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    Form(form): Form<Pairs>,
) -> Response {
    match state.settings.fault {
        Some(Fault::TokenError500) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "database is locked").into_response();
        }
        Some(Fault::TokenInvalidClient) => {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        Some(Fault::TokenErrorAsSuccess) => {
            let error = json!({"ok": false, "error": "bad_client_secret"});
            return Json(error).into_response();
        }
        _ => {}
    }
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    if get("grant_type").is_empty() && state.is_vulnerable_to(Vulnerability::InternalDetails) {
        let trace = "Traceback (most recent call last): KeyError";
        return (StatusCode::BAD_REQUEST, trace).into_response();
    }
    if get("refresh_token").len() > 64 * 1024 {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let twice = !form.contains_key("client_id") && state.has(Fault::WantsIdTwice);
    let client = authenticated(&state, &headers, &form).filter(|_| !twice);
    let Some(client) = client else {
        if state.is_vulnerable_to(Vulnerability::UnknownClient400) {
            return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
        }
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    };
    let code = get("grant_type") == "authorization_code";
    let pending = match get("grant_type").as_str() {
        "authorization_code" => use_code(&state, &form),
        "refresh_token" if !state.has(Fault::RefreshRefused) => {
            use_refresh_token(&state, &get("refresh_token"))
        }
        _ => None,
    };
    let Some(pending) = pending else {
        match state.settings.fault {
            Some(Fault::InvalidRefreshIsInvalidRequest) => {
                return refuse(StatusCode::BAD_REQUEST, "invalid_request");
            }
            Some(Fault::InvalidRefresh500) => {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            _ => {}
        }
        if get("code") == "made-up" && state.is_vulnerable_to(Vulnerability::MadeUpCode401) {
            return refuse(StatusCode::UNAUTHORIZED, "invalid_code");
        }
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let anyone = if code {
        Vulnerability::CodeOfOthers
    } else {
        Vulnerability::RefreshOfOthers
    };
    if pending.client != client && !state.is_vulnerable_to(anyone) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    if pending.resource != get("resource") && !state.is_vulnerable_to(Vulnerability::CodeForOthers)
    {
        return refuse(StatusCode::BAD_REQUEST, "invalid_target");
    }
    issue(&state, pending, &form)
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({"error": error}))).into_response()
}

/// Uses a code once. A second use revokes the refresh tokens of its grant.
fn use_code(state: &State, form: &Pairs) -> Option<Pending> {
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let mut memory = state.memory();
    let code = get("code");
    let Some(pending) = memory.codes.remove(&code) else {
        let replayed = memory.spent.get(&code)?.clone();
        if !state.is_vulnerable_to(Vulnerability::ReplayRevokesNothing) {
            memory
                .refresh
                .retain(|_, other| other.grant != replayed.grant);
        }
        return state
            .is_vulnerable_to(Vulnerability::CodeTwice)
            .then_some(replayed);
    };
    memory.spent.insert(code, pending.clone());
    let verifier = get("code_verifier");
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let proven = pending.challenge == digest
        || match state.settings.vulnerability {
            Some(Vulnerability::CodeWithoutVerifier) => verifier.is_empty(),
            Some(Vulnerability::CodeWithWrongVerifier) => verifier.starts_with("aaaa"),
            Some(Vulnerability::CodeWithChallenge) => verifier == pending.challenge,
            _ => false,
        };
    let home = pending.redirect_uri == get("redirect_uri")
        || state.is_vulnerable_to(Vulnerability::CodeElsewhere);
    (proven && home).then_some(pending)
}

/// Uses a refresh token once. A second use revokes the refresh tokens of its grant.
fn use_refresh_token(state: &State, token: &str) -> Option<Pending> {
    let mut memory = state.memory();
    if let Some(pending) = memory.refresh.get(token).cloned() {
        if !state.is_vulnerable_to(Vulnerability::RefreshStays) {
            memory.refresh.remove(token);
            memory.spent.insert(token.to_owned(), pending.clone());
        }
        return Some(pending);
    }
    let replayed = memory.spent.get(token)?.clone();
    if state.is_vulnerable_to(Vulnerability::RefreshTwice) {
        // Accept the replay and revoke the tokens of the first use.
        memory
            .refresh
            .retain(|_, other| other.grant != replayed.grant);
        return Some(replayed);
    }
    if !state.is_vulnerable_to(Vulnerability::RefreshReplayRevokesNothing) {
        memory
            .refresh
            .retain(|_, other| other.grant != replayed.grant);
    }
    None
}

fn issue(state: &State, pending: Pending, form: &Pairs) -> Response {
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    let refreshed = get("grant_type") == "refresh_token";
    let access = state.fresh("access");
    let refresh = if refreshed && state.is_vulnerable_to(Vulnerability::RefreshStays) {
        get("refresh_token")
    } else {
        state.fresh("refresh")
    };
    let broken = state.has(Fault::TokenNotAccepted)
        || (refreshed && state.has(Fault::RefreshedTokenNotAccepted));
    let mut answer = json!({
        "access_token": access,
        "token_type": if state.has(Fault::WrongTokenType) { "mac" } else { "Bearer" },
        "expires_in": state.settings.lifetime,
        "refresh_token": refresh,
    });
    if refreshed && state.is_vulnerable_to(Vulnerability::RefreshForMore) {
        answer["scope"] = json!(get("scope"));
    }
    if state.has(Fault::NoAccessToken) {
        answer["access_token"] = json!("");
    }
    match state.settings.fault {
        Some(Fault::TokensWithNulls) => answer["scope"] = serde_json::Value::Null,
        Some(Fault::RefreshedWithNull) if refreshed => answer["scope"] = serde_json::Value::Null,
        Some(Fault::ExpiresInIsText) => {
            answer["expires_in"] = json!(state.settings.lifetime.to_string());
        }
        Some(Fault::ScopesWithCommas) => answer["scope"] = json!("tools:read,tools:write"),
        Some(Fault::TokensNested) => answer = json!({"ok": true, "user": answer}),
        _ => {}
    }
    {
        let mut memory = state.memory();
        if state.settings.one_grant && !refreshed {
            memory.revoke_all_of(&pending.client);
        }
        if !broken {
            memory.owners.insert(access.clone(), pending.client.clone());
            memory.issued.insert(access.clone(), Instant::now());
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

/// Returns the client id of a token request if the client authenticates with its registered method.
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
    let client = state.client(&id)?;
    let proven = match client.method.as_str() {
        "client_secret_basic" => basic.map(|(_, secret)| secret) == client.secret,
        "client_secret_post" => {
            basic.is_none() && form.get("client_secret") == client.secret.as_ref()
        }
        _ => basic.is_none() && !form.contains_key("client_secret"),
    };
    proven.then_some(id)
}
