//! The API calls. Each requires a token, a user agent and the documented media type.

use axum::{
    Json,
    extract::{Path, Query, State as FromState},
    response::{IntoResponse as _, Response},
};
use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Account, Shared, State};

/// The account that a token belongs to, and the token's scope.
struct Known {
    login: String,
    account: Account,
    scope: String,
}

type Outcome = Result<Value, (StatusCode, &'static str)>;

fn answer(
    shared: &Shared,
    headers: &HeaderMap,
    work: impl FnOnce(&mut State, &Known) -> Outcome,
) -> Response {
    let mut state = shared.lock().expect("a lock");
    let outcome = known(&mut state, headers).and_then(|known| work(&mut state, &known));
    match outcome {
        Ok(body) => Json(body).into_response(),
        Err((status, message)) => (status, Json(json!({ "message": message }))).into_response(),
    }
}

fn known(state: &mut State, headers: &HeaderMap) -> Result<Known, (StatusCode, &'static str)> {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    if text("user-agent").is_empty() {
        state.add_violation("a request to the API without a user agent");
        return Err((StatusCode::FORBIDDEN, "no User-Agent"));
    }
    if text("accept") != "application/vnd.github+json" {
        state
            .add_violation("a request to the API that does not accept application/vnd.github+json");
    }
    if text("x-github-api-version") != "2022-11-28" {
        state.add_violation("a request to the API without a version");
    }
    let authorization = text("authorization");
    let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
    let bad = (StatusCode::UNAUTHORIZED, "Bad credentials");
    let token = state.tokens.get(token).ok_or(bad)?;
    let mut accounts = state.accounts.iter();
    let (login, account) = accounts
        .find(|(_, account)| account.id == token.account)
        .ok_or(bad)?;
    Ok(Known {
        login: login.clone(),
        account: account.clone(),
        scope: token.scope.clone(),
    })
}

fn may_see_organizations(known: &Known) -> Result<(), (StatusCode, &'static str)> {
    if known.scope.split(' ').any(|scope| scope == "read:org") {
        Ok(())
    } else {
        Err((StatusCode::FORBIDDEN, "You need at least read:org scope"))
    }
}

pub(super) async fn user(FromState(shared): FromState<Shared>, headers: HeaderMap) -> Response {
    answer(&shared, &headers, |_, known| {
        Ok(json!({
            "login": known.login, "id": known.account.id, "type": "User",
            "name": format!("{} in full", known.login), "email": null,
        }))
    })
}

pub(super) async fn organization(
    FromState(shared): FromState<Shared>,
    Path(organization): Path<String>,
    headers: HeaderMap,
) -> Response {
    answer(&shared, &headers, |_, known| {
        may_see_organizations(known)?;
        let standing = known.account.organizations.get(&organization);
        let standing = standing.ok_or((StatusCode::NOT_FOUND, "Not Found"))?;
        Ok(json!({ "state": standing, "role": "member" }))
    })
}

pub(super) async fn team(
    FromState(shared): FromState<Shared>,
    Path((organization, team, login)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    answer(&shared, &headers, |state, known| {
        may_see_organizations(known)?;
        if login != known.login {
            state.add_violation("a request for another user's membership");
        }
        let standing = known.account.teams.get(&format!("{organization}/{team}"));
        let standing = standing.ok_or((StatusCode::NOT_FOUND, "Not Found"))?;
        Ok(json!({ "state": standing, "role": "member" }))
    })
}

#[derive(Deserialize)]
pub(super) struct PageOf {
    per_page: Option<usize>,
}

fn list(shared: &Shared, headers: &HeaderMap, page: &PageOf, kind: &str) -> Response {
    let wanted = page.per_page.unwrap_or(30);
    answer(shared, headers, |state, known| {
        if !(1..=100).contains(&wanted) {
            state.add_violation(format!("per_page={wanted}"));
        }
        let repositories = (1..=3_usize).take(wanted).map(|number| {
            json!({
                "full_name": format!("{}/{kind}-{number}", known.login),
                "html_url": format!("https://github.com/{}/{kind}-{number}", known.login),
                "description": null, "language": "Rust", "stargazers_count": number,
                "private": false, "updated_at": "2026-11-01T00:00:00Z",
            })
        });
        Ok(repositories.collect())
    })
}

pub(super) async fn repositories(
    FromState(shared): FromState<Shared>,
    Query(page): Query<PageOf>,
    headers: HeaderMap,
) -> Response {
    list(&shared, &headers, &page, "repo")
}

pub(super) async fn starred(
    FromState(shared): FromState<Shared>,
    Query(page): Query<PageOf>,
    headers: HeaderMap,
) -> Response {
    list(&shared, &headers, &page, "star")
}
