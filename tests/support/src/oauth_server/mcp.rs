//! The MCP endpoint, in both protocol forms: stateless and with sessions.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    body::Bytes,
    extract::State as Extract,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse as _, Redirect, Response},
};
use serde_json::{Value, json};

use super::{Fault, Vulnerability, offers, state::State, tools};

const SESSION: &str = "session-1";

/// Answers a GET, which opens no stream here.
pub async fn get(Extract(state): Extract<Arc<State>>) -> Response {
    if state.has(Fault::ChallengeOnGetOnly) {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"mcp\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

fn is_claude(headers: &HeaderMap) -> bool {
    let user_agent = headers.get(header::USER_AGENT);
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    user_agent.is_some_and(|value| value.starts_with("Claude-User"))
}

pub async fn endpoint(
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response {
    let message: Value = match serde_json::from_slice(&body) {
        Ok(message) => message,
        Err(_) => return unreadable(&state, &body),
    };
    let method = message["method"].as_str().unwrap_or_default();
    match state.settings.fault {
        Some(Fault::McpError500) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response();
        }
        Some(Fault::RefusesUserAgent) if is_claude(&headers) => {
            return (StatusCode::FORBIDDEN, "Request blocked").into_response();
        }
        Some(Fault::McpRedirect) => return Redirect::temporary("/mcp/").into_response(),
        _ => {}
    }
    if let Some(refusal) = foreign_site_response(&state, &headers) {
        return refusal;
    }
    if let Some(refusal) = refusal(&state, &headers, &uri, method) {
        return refusal;
    }
    if method.starts_with("notifications/") {
        return StatusCode::ACCEPTED.into_response();
    }
    let stateless = message
        .pointer("/params/_meta/io.modelcontextprotocol~1protocolVersion")
        .is_some();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let refuse = |status, code: i32, text: &str| {
        (
            status,
            Json(json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": text}})),
        )
            .into_response()
    };
    if stateless && (!state.settings.stateless || header("mcp-method") != Some(method)) {
        return refuse(
            StatusCode::BAD_REQUEST,
            -32600,
            "Unsupported protocol version",
        );
    }
    let asked = message.pointer("/params/_meta/io.modelcontextprotocol~1protocolVersion");
    if asked.is_some_and(|asked| asked != "2026-07-28") && !state.has(Fault::SpeaksTheFuture) {
        let data = json!({"supported": ["2026-07-28"], "requested": asked});
        let error =
            json!({"code": -32022, "message": "Unsupported protocol version", "data": data});
        let body = json!({"jsonrpc": "2.0", "id": message["id"], "error": error});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    if method == "initialize" && !state.settings.sessions {
        return refuse(
            StatusCode::BAD_REQUEST,
            -32601,
            "initialize is not supported",
        );
    }
    if !stateless && method != "initialize" && header("mcp-session-id") != Some(SESSION) {
        return refuse(StatusCode::NOT_FOUND, -32001, "Session not found");
    }
    answer(&state, method, &message)
}

/// Answers a body that is not valid JSON.
fn unreadable(state: &State, body: &[u8]) -> Response {
    let vulnerability = if body.starts_with(b"[") {
        Vulnerability::DeepJson
    } else {
        Vulnerability::HalfMessage
    };
    if state.is_vulnerable_to(vulnerability) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    StatusCode::BAD_REQUEST.into_response()
}

/// Returns 403 for requests from other sites and for other host names.
fn foreign_site_response(state: &State, headers: &HeaderMap) -> Option<Response> {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value: &header::HeaderValue| value.to_str().ok())
    };
    let host = header(header::HOST).unwrap_or_default();
    let foreign_host =
        !state.base.ends_with(host) && !state.is_vulnerable_to(Vulnerability::AnyHost);
    let foreign_origin = match header(header::ORIGIN) {
        None | Some("http://localhost:6274") => false,
        Some("null") => !state.is_vulnerable_to(Vulnerability::NullOrigin),
        Some(origin) => origin != state.base && !state.is_vulnerable_to(Vulnerability::AnyOrigin),
    };
    (foreign_host || foreign_origin).then(|| StatusCode::FORBIDDEN.into_response())
}

fn token<'r>(state: &State, headers: &'r HeaderMap, uri: &'r Uri) -> Option<&'r str> {
    let value = headers.get(header::AUTHORIZATION);
    let value = value.and_then(|value| value.to_str().ok());
    let bearer = value.and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| match state.settings.vulnerability {
        Some(Vulnerability::TokenAfterBasic) => value?.strip_prefix("Basic "),
        Some(Vulnerability::TokenInQuery) => uri.query()?.strip_prefix("access_token="),
        _ => None,
    })
}

/// Returns the scopes of a valid token.
fn granted(state: &State, token: &str) -> Option<String> {
    let memory = state.memory();
    let age = memory.issued.get(token).map(Instant::elapsed);
    let expired = age.is_some_and(|age| age.as_secs() >= state.settings.lifetime);
    if expired && !state.is_vulnerable_to(Vulnerability::ExpiredToken) {
        return None;
    }
    let found = memory.access.get(token).cloned();
    found.or_else(|| {
        let is_accepted = match state.settings.vulnerability {
            Some(Vulnerability::TamperedToken) => token.starts_with("acce"),
            Some(Vulnerability::UnsignedToken) => token.starts_with("eyJ"),
            Some(Vulnerability::RefreshAsAccess) => memory.refresh.contains_key(token),
            Some(Vulnerability::CodeAsAccess) => memory.codes.contains_key(token),
            _ => false,
        };
        is_accepted.then(String::new)
    })
}

/// Returns 401 or 403 if the request is not authorized.
fn refusal(state: &State, headers: &HeaderMap, uri: &Uri, method: &str) -> Option<Response> {
    let settings = &state.settings;
    if !state.is_guarded()
        || (settings.open_initialize
            && (method == "initialize" || method.starts_with("notifications/")))
    {
        return None;
    }
    if method == "ping" && state.is_vulnerable_to(Vulnerability::OpenMethod) {
        return None;
    }
    let presented = token(state, headers, uri);
    let granted = presented.and_then(|token| granted(state, token));
    let metadata = format!(
        "resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"",
        state.name(headers, Vulnerability::ForwardedChallenge)
    );
    let Some(granted) = granted else {
        let challenge = match settings.fault {
            Some(Fault::NoChallenge | Fault::ChallengeOnGetOnly) => {
                return Some(StatusCode::UNAUTHORIZED.into_response());
            }
            Some(Fault::InvalidToken500) if presented.is_some() => {
                return Some(StatusCode::INTERNAL_SERVER_ERROR.into_response());
            }
            Some(Fault::InvalidTokenWithoutChallenge) if presented.is_some() => {
                return Some(StatusCode::UNAUTHORIZED.into_response());
            }
            Some(Fault::ChallengeTwice) => format!("Bearer {metadata}, {metadata}"),
            Some(Fault::ChallengeUnquoted) => format!("Bearer {}", metadata.replace('"', "")),
            Some(Fault::TwoChallenges) => format!("Bearer realm=\"gateway\", Bearer {metadata}"),
            _ if settings.old.is_some() => "Bearer".to_owned(),
            Some(Fault::ChallengeWithoutMetadata) => "Bearer realm=\"mcp\"".to_owned(),
            Some(Fault::ChallengeWithBadUrl) => "Bearer resource_metadata=\"/metadata\"".to_owned(),
            _ => format!("Bearer {metadata}, scope=\"tools:read\""),
        };
        return Some(
            (
                StatusCode::UNAUTHORIZED,
                [(header::WWW_AUTHENTICATE, challenge)],
            )
                .into_response(),
        );
    };
    let needed = match method {
        _ if state.has(Fault::EndlessStepUp) => state.fresh("scope"),
        "tools/call" if settings.step_up => "tools:call".to_owned(),
        _ => return None,
    };
    if granted.split(' ').any(|scope| scope == needed) {
        return None;
    }
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\", {metadata}");
    Some(
        (
            StatusCode::FORBIDDEN,
            [(header::WWW_AUTHENTICATE, challenge)],
        )
            .into_response(),
    )
}

fn answer(state: &State, method: &str, message: &Value) -> Response {
    let result = match method {
        "server/discover" => json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
            "ttlMs": 0, "cacheScope": "private",
            "instructions": tools::instructions(state),
            "_meta": {"io.modelcontextprotocol/serverInfo": tools::server_info(state)},
        }),
        "initialize"
            if state.has(Fault::RefusesFuture)
                && message["params"]["protocolVersion"] != "2025-11-25" =>
        {
            let error =
                json!({"error": {"code": -32602, "message": "Unsupported protocol version"}});
            return protocol_response(state, "", &message["id"], &error);
        }
        "initialize" => json!({
            "protocolVersion": if state.has(Fault::UnknownVersion) { "1999-01-01" } else { "2025-11-25" },
            "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
            "serverInfo": tools::server_info(state),
            "instructions": tools::instructions(state),
        }),
        "tools/list" | "tools/call" | "resources/list" | "resources/read" | "prompts/list"
        | "prompts/get" => {
            let result = match method {
                "tools/list" => tools::list(state, message),
                "tools/call" => tools::call(state, message),
                _ => offers::answer(state, method, message),
            };
            match result {
                Ok(result) => result,
                Err(error) => {
                    return protocol_response(
                        state,
                        method,
                        &message["id"],
                        &json!({"error": error}),
                    );
                }
            }
        }
        _ => {
            let error = json!({"error": {"code": -32601, "message": "Method not found"}});
            return protocol_response(state, method, &message["id"], &error);
        }
    };
    protocol_response(state, method, &message["id"], &json!({"result": result}))
}

fn protocol_response(state: &State, method: &str, id: &Value, outcome: &Value) -> Response {
    let mut message = outcome.clone();
    message["jsonrpc"] = json!("2.0");
    message["id"] = id.clone();
    let mut response = if state.settings.events || state.has(Fault::BrokenEvents) {
        let noise = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}});
        let answer = if state.has(Fault::BrokenEvents) {
            String::new()
        } else {
            format!("event: message\ndata: {message}\n\n")
        };
        let body = format!(": hello\n\ndata: {noise}\n\n{answer}");
        ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
    } else {
        Json(message).into_response()
    };
    let headers = response.headers_mut();
    if state.has(Fault::WrongContentType) {
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("text/html"),
        );
    }
    if state.has(Fault::HeaderBomb) {
        for _ in 0..10_000 {
            headers.append("x-bomb", header::HeaderValue::from_static("tick"));
        }
    }
    if method == "initialize" {
        response
            .headers_mut()
            .insert("mcp-session-id", header::HeaderValue::from_static(SESSION));
    }
    response
}
