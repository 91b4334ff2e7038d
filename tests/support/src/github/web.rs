//! The authorization pages and the token endpoint.

use std::fmt::Write as _;

use axum::{
    Form, Json,
    extract::{Query, State as FromState, rejection::QueryRejection},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{CLIENT_ID, CLIENT_SECRET, Code, Shared, State, Token};

#[derive(Clone, Deserialize)]
pub(super) struct Asked {
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
    #[serde(default)]
    allow_signup: String,
}

impl Asked {
    fn check(&self, state: &mut State) -> bool {
        let before = state.violations.len();
        if self.client_id != CLIENT_ID {
            state.add_violation("an unknown client_id");
        }
        if self.redirect_uri != state.callback {
            let about = format!("redirect_uri {} is not the app's", self.redirect_uri);
            state.add_violation(about);
        }
        if self.state.len() < 20 {
            state.add_violation("a state that is too short");
        }
        if self.code_challenge_method != "S256" || self.code_challenge.len() != 43 {
            state.add_violation("no PKCE challenge with S256");
        }
        if self.allow_signup != "false" {
            state.add_violation("allow_signup is not false");
        }
        state.violations.len() == before
    }
}

/// Renders one button for each account, and one that cancels.
pub(super) async fn page(
    FromState(shared): FromState<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    uri: axum::http::Uri,
) -> Response {
    let mut state = shared.lock().expect("a lock");
    let Ok(Query(asked)) = asked else {
        state.add_violation("an authorization request with a missing parameter");
        return StatusCode::NOT_FOUND.into_response();
    };
    if !asked.check(&mut state) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let query = uri.query().unwrap_or_default().replace('&', "&amp;");
    let mut html = format!("<form method=\"post\" action=\"/login/oauth/authorize?{query}\">");
    for login in state.accounts.keys() {
        let _ = write!(
            html,
            "<button name=\"account\" value=\"{login}\">{login}</button>"
        );
    }
    html.push_str("<button name=\"account\" value=\"\">Cancel</button></form>");
    Html(format!("<!doctype html><title>Authorize</title>{html}")).into_response()
}

#[derive(Deserialize)]
pub(super) struct Decision {
    account: String,
}

pub(super) async fn decide(
    FromState(shared): FromState<Shared>,
    Query(asked): Query<Asked>,
    Form(Decision { account }): Form<Decision>,
) -> Response {
    let mut state = shared.lock().expect("a lock");
    if !asked.check(&mut state) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let mut back = Url::parse(&asked.redirect_uri).expect("a URL");
    let Some(id) = state.accounts.get(&account).map(|account| account.id) else {
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("state", &asked.state);
        return Redirect::to(back.as_str()).into_response();
    };
    let code = state.secret("c0de");
    let made = Code {
        account: id,
        redirect_uri: asked.redirect_uri,
        challenge: asked.code_challenge,
        scope: asked.scope,
    };
    state.codes.insert(code.clone(), made);
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &asked.state);
    Redirect::to(back.as_str()).into_response()
}

#[derive(Deserialize)]
pub(super) struct Exchange {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    grant_type: Option<String>,
    refresh_token: Option<String>,
}

pub(super) async fn token(
    FromState(shared): FromState<Shared>,
    headers: HeaderMap,
    Form(exchange): Form<Exchange>,
) -> Response {
    let mut state = shared.lock().expect("a lock");
    let answer = exchange.answer(&mut state);
    let accepts = headers.get("accept").and_then(|value| value.to_str().ok());
    if accepts != Some("application/json") {
        state.add_violation("the token request does not accept JSON");
        // GitHub would answer with a form.
        return "access_token=unused&token_type=bearer".into_response();
    }
    // GitHub sends errors with status 200.
    Json(answer).into_response()
}

impl Exchange {
    fn answer(self, state: &mut State) -> Value {
        if self.client_id != CLIENT_ID || self.client_secret != CLIENT_SECRET {
            return json!({ "error": "incorrect_client_credentials" });
        }
        if self.grant_type.as_deref() == Some("refresh_token") {
            let asked = self.refresh_token.unwrap_or_default();
            // Each refresh token is valid once.
            return match state.refresh_tokens.remove(&asked) {
                Some(token) => issue_tokens(state, token),
                None => json!({ "error": "bad_refresh_token" }),
            };
        }
        let code = self.code.unwrap_or_default();
        let Some(code) = state.codes.remove(&code) else {
            return json!({ "error": "bad_verification_code" });
        };
        if self.redirect_uri.as_deref() != Some(&code.redirect_uri) {
            return json!({ "error": "redirect_uri_mismatch" });
        }
        let verifier = self.code_verifier.unwrap_or_default();
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != code.challenge {
            state.add_violation("the verifier does not match the challenge");
            return json!({ "error": "bad_verification_code" });
        }
        let token = Token {
            account: code.account,
            scope: code.scope,
        };
        issue_tokens(state, token)
    }
}

fn issue_tokens(state: &mut State, token: Token) -> Value {
    let Some(lifetime) = state.lifetime else {
        let access = state.secret("gho_");
        let scope = token.scope.replace(' ', ",");
        state.tokens.insert(access.clone(), token);
        return json!({ "access_token": access, "token_type": "bearer", "scope": scope });
    };
    let access = state.secret("ghu_");
    let refresh = state.secret("ghr_");
    // A new token revokes the previous one.
    state
        .tokens
        .retain(|_, other| other.account != token.account);
    state.tokens.insert(access.clone(), token.clone());
    state.refresh_tokens.insert(refresh.clone(), token);
    json!({
        "access_token": access,
        "expires_in": lifetime.as_secs(),
        "refresh_token": refresh,
        "refresh_token_expires_in": 15_897_600,
        "scope": "",
        "token_type": "bearer",
    })
}
