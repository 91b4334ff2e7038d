//! The sign-in and consent pages.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Form, Json,
    extract::{Query, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use serde_json::json;
use url::Url;

use super::{
    Fault, Vulnerability, redirect,
    state::{self, Pending, State},
};

type Pairs = HashMap<String, String>;

/// As Entra ID answers if the resource and the scope do not belong together.
const ERROR_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in to your account</title>\
    <script>var form = '<form><input>';</script></head><body><div>Sorry, but we're having trouble \
    signing you in.</div><div>AADSTS9010010: The resource parameter provided in the request doesn't \
    match with the requested scopes.</div><form id=\"f\"></form></body></html>";

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
        Some(Fault::AuthorizeUnknownRedirectUri) => {
            let uri = get(&query, "redirect_uri");
            let description = format!("Redirect URI '{uri}' does not match allowed patterns.");
            let error = json!({"error": "invalid_request", "error_description": description});
            return (StatusCode::BAD_REQUEST, Json(error)).into_response();
        }
        Some(Fault::AuthorizeUnknownClient) => {
            let page = Html("<title>We are sorry...</title><p>Client not found.</p>");
            return (StatusCode::BAD_REQUEST, page).into_response();
        }
        Some(Fault::AuthorizeUnknownResource) => {
            let page = Html("<title>Error</title><p>Service not found: the API</p>");
            return (StatusCode::BAD_REQUEST, page).into_response();
        }
        Some(Fault::ErrorPageWithCode) => {
            return Html(ERROR_PAGE).into_response();
        }
        Some(Fault::PagesLoop) => {
            return Html(
                "<form><input type=hidden name=again value=1><button>Continue</button></form>",
            )
            .into_response();
        }
        Some(Fault::PasswordInUrl) => {
            return Html(
                "<form action=/sign-in><input type=password name=p><button>Go</button></form>",
            )
            .into_response();
        }
        _ => {}
    }
    if let Some(refusal) = refusal(&state, &query).await {
        return refusal;
    }
    if state.is_vulnerable_to(Vulnerability::NoConsent) {
        return answer(&state, &query, true);
    }
    let signed_in = headers
        .get(header::COOKIE)
        .is_some_and(|cookie| cookie.to_str().unwrap_or("").contains("signed=in"));
    if state.settings.password.is_some() && !signed_in {
        return page(&state, StatusCode::OK, &sign_in_form(&state, &query));
    }
    page(&state, StatusCode::OK, &consent_form(&state, &query))
}

fn get(query: &Pairs, name: &str) -> String {
    query.get(name).cloned().unwrap_or_default()
}

/// Returns the error response for an invalid authorization request. The client and its redirect URI
/// are checked first.
async fn refusal(state: &State, query: &Pairs) -> Option<Response> {
    let (id, uri) = (get(query, "client_id"), get(query, "redirect_uri"));
    let stray = get(query, "response_type") != "code";
    let registered = state
        .client(&id)
        .is_some_and(|client| redirect::is_registered(state, &client, &uri));
    if stray && !registered && state.is_vulnerable_to(Vulnerability::RedirectOfError) {
        return Some(Redirect::to(&format!("{uri}?error=invalid_request")).into_response());
    }
    let fetches = (state.is_vulnerable_to(Vulnerability::FetchesDocuments)
        && id.contains("127.0.0.1"))
        || (state.is_vulnerable_to(Vulnerability::FetchesDocumentsByName)
            && id.contains("localhost"));
    if fetches {
        state::fetch(&id).await;
    }
    let Some(client) = state.client(&id) else {
        if state.is_vulnerable_to(Vulnerability::RedirectOfUnknownClient) {
            return Some(Redirect::to(&format!("{uri}?error=invalid_client")).into_response());
        }
        return Some(error(state, "client", &id, Vulnerability::ScriptInError));
    };
    if !redirect::is_registered(state, &client, &uri) {
        return Some(error(
            state,
            "redirect URI",
            &uri,
            Vulnerability::ScriptInRedirect,
        ));
    }
    let challenged = match query.get("code_challenge_method").map(String::as_str) {
        Some("S256") => query.contains_key("code_challenge"),
        Some("plain") => state.is_vulnerable_to(Vulnerability::PlainChallenge),
        _ => state.is_vulnerable_to(Vulnerability::NoChallengeNeeded),
    };
    if stray && state.is_vulnerable_to(Vulnerability::ErrorWithoutPage) {
        let to = format!("{uri}?error=unsupported_response_type");
        return Some(Redirect::to(&to).into_response());
    }
    if stray || !challenged {
        return Some((StatusCode::BAD_REQUEST, "PKCE and code are required").into_response());
    }
    let resource = if state.has(Fault::ResourceIsOrigin) {
        state.base.clone()
    } else {
        format!("{}/mcp", state.base)
    };
    let right = match query.get("resource") {
        Some(asked) => state.settings.old.is_none() && *asked == resource,
        None => state.settings.old.is_some(),
    };
    (!right && !state.is_vulnerable_to(Vulnerability::OtherAudience))
        .then(|| (StatusCode::BAD_REQUEST, "wrong resource").into_response())
}

fn error(state: &State, what: &str, value: &str, vulnerability: Vulnerability) -> Response {
    let text = format!("<p>unknown {what}: {}", shown(state, value, vulnerability));
    page(state, StatusCode::BAD_REQUEST, &text)
}

/// Renders a page with the required protection: no framing, no caching, and a cookie that scripts
/// cannot read.
fn page(state: &State, status: StatusCode, body: &str) -> Response {
    let policy = "<meta http-equiv=content-security-policy content=\"form-action 'self'\">";
    let meta = if state.has(Fault::FormActionInMeta) {
        policy
    } else {
        ""
    };
    let mut response = (status, Html(format!("<!doctype html>{meta}{body}"))).into_response();
    let mut add = |name, value: &'static str, vulnerability| {
        if !state.is_vulnerable_to(vulnerability) {
            let value = header::HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
    };
    let policy = if state.has(Fault::FormActionSelf) {
        "default-src 'none'; frame-ancestors 'none'; form-action 'self'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    add(
        header::CONTENT_SECURITY_POLICY,
        policy,
        Vulnerability::Framing,
    );
    add(header::CACHE_CONTROL, "no-store", Vulnerability::PageCached);
    let cookie = if state.has(Fault::StrictCookie) {
        "visit=1; Path=/; HttpOnly; SameSite=Strict"
    } else if state.is_vulnerable_to(Vulnerability::CookieFlags) {
        "visit=1; Path=/; SameSite=Lax"
    } else {
        "visit=1; Path=/; HttpOnly; SameSite=Lax"
    };
    let cookie = header::HeaderValue::from_static(cookie);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

fn sign_in_form(state: &State, query: &Pairs) -> String {
    format!(
        "<form method=post action=/sign-in>{}<label>Password <input type=password name=password></label>\
         <button>Sign in</button></form>",
        hidden(state, query)
    )
}

fn consent_form(state: &State, query: &Pairs) -> String {
    format!(
        "<title>Consent</title><form method=post action=/consent>{}\
         <button name=decision value=deny>Deny</button><button name=decision value=allow>Allow</button></form>",
        hidden(state, query)
    )
}

fn shown(state: &State, text: &str, vulnerability: Vulnerability) -> String {
    if state.is_vulnerable_to(vulnerability) {
        return text.to_owned();
    }
    let text = text.replace('&', "&amp;").replace('"', "&quot;");
    text.replace('<', "&lt;")
}

/// Renders the client's name and the parameters of the request as hidden inputs.
fn hidden(state: &State, query: &Pairs) -> String {
    let input = |(name, value): (&String, &String)| {
        let vulnerability = match name.as_str() {
            "state" => Vulnerability::ScriptInState,
            _ => Vulnerability::ScriptInScope,
        };
        format!(
            "<input type=hidden name=\"{name}\" value=\"{}\">",
            shown(state, value, vulnerability)
        )
    };
    let client = state.client(&get(query, "client_id"));
    let name = client.map(|client| client.name).unwrap_or_default();
    let inputs: String = query.iter().map(input).collect();
    format!(
        "<p>{}</p>{inputs}",
        shown(state, &name, Vulnerability::ScriptInName)
    )
}

pub async fn sign_in(Extract(state): Extract<Arc<State>>, Form(mut form): Form<Pairs>) -> Response {
    let password = form.remove("password");
    let tries = state.memory().wrong_passwords;
    if tries >= 5 && !state.is_vulnerable_to(Vulnerability::NoLockout) {
        return (StatusCode::TOO_MANY_REQUESTS, "wait a minute").into_response();
    }
    if password != state.settings.password {
        state.memory().wrong_passwords += 1;
        let form = sign_in_form(&state, &form);
        return page(&state, StatusCode::UNAUTHORIZED, &form);
    }
    let mut next = Url::parse(&format!("{}/authorize", state.base)).expect("a URL");
    next.query_pairs_mut().extend_pairs(&form);
    let cookie = [(
        header::SET_COOKIE,
        "signed=in; Path=/; HttpOnly; SameSite=Lax",
    )];
    (cookie, Redirect::to(next.as_str())).into_response()
}

pub async fn consent(
    Extract(state): Extract<Arc<State>>,
    headers: HeaderMap,
    Form(form): Form<Pairs>,
) -> Response {
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|value| value.to_str().ok());
    let foreign = origin.is_some_and(|origin| origin != state.base);
    if foreign && !state.is_vulnerable_to(Vulnerability::ForgedConsent) {
        return (StatusCode::FORBIDDEN, "a form from another site").into_response();
    }
    let client = state.client(&get(&form, "client_id"));
    let uri = get(&form, "redirect_uri");
    if !client.is_some_and(|client| redirect::is_registered(&state, &client, &uri)) {
        return (StatusCode::BAD_REQUEST, "unknown client or redirect URI").into_response();
    }
    let agreed = get(&form, "decision") == "allow" && !state.has(Fault::AccessDenied);
    answer(&state, &form, agreed)
}

/// Redirects back to the client.
fn answer(state: &State, form: &Pairs, agreed: bool) -> Response {
    let code = state.fresh("code");
    let uri = get(form, "redirect_uri");
    let pending = Pending {
        client: get(form, "client_id"),
        redirect_uri: uri.clone(),
        challenge: get(form, "code_challenge"),
        resource: get(form, "resource"),
        scope: get(form, "scope"),
        grant: state.fresh("grant"),
    };
    state.memory().codes.insert(code.clone(), pending);
    let mut answer = vec![
        ("code", code),
        ("state", get(form, "state")),
        ("iss", state.base.clone()),
    ];
    if !agreed {
        answer[0] = ("error", "access_denied".to_owned());
    }
    apply_fault(state, &mut answer);
    let mut location = Url::parse(&uri).expect("a redirect URI");
    location.query_pairs_mut().extend_pairs(&answer);
    Redirect::to(location.as_str()).into_response()
}

/// Applies the faults of the redirect.
fn apply_fault(state: &State, answer: &mut Vec<(&str, String)>) {
    match state.settings.fault {
        Some(Fault::NoCode) => drop(answer.remove(0)),
        Some(Fault::ScopeRefused) => {
            answer[0] = ("error", "invalid_scope".to_owned());
            let description = "The client is not allowed to request scope 'tools:read'.";
            answer.push(("error_description", description.to_owned()));
        }
        Some(Fault::WrongState) => answer[1].1 = "another-state".into(),
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
