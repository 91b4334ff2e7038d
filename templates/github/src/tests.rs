//! Tests the tools against a fake GitHub.

use axum::{
    Json as Body, Router,
    extract::RawQuery,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::{Value, json};

use rmcp::ServerHandler as _;

use super::*;

type Answer = (StatusCode, Body<Value>);

/// Answers only requests with Ada's token.
fn only_ada(headers: &HeaderMap, body: Value) -> Answer {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(text("accept"), Some("application/vnd.github+json"));
    assert_eq!(text("x-github-api-version"), Some("2022-11-28"));
    match text("authorization") {
        Some("Bearer adas-token") => (StatusCode::OK, Body(body)),
        _ => (
            StatusCode::UNAUTHORIZED,
            Body(json!({ "message": "Bad credentials" })),
        ),
    }
}

async fn user(headers: HeaderMap) -> Answer {
    only_ada(
        &headers,
        json!({ "login": "ada", "name": "Ada Lovelace", "email": null }),
    )
}

/// Answers with one repository; its name contains the query of the request.
async fn list(headers: HeaderMap, RawQuery(query): RawQuery) -> Answer {
    let repository = json!({
        "full_name": format!("ada/{}", query.unwrap()), "description": null, "language": "Rust",
        "stargazers_count": 7, "private": false, "html_url": "https://github.com/ada/x",
        "updated_at": "2026-11-01T00:00:00Z",
    });
    only_ada(&headers, json!([repository]))
}

async fn stand_in(user: axum::routing::MethodRouter) -> Server {
    let router = Router::new()
        .route("/user", user)
        .route("/user/repos", get(list))
        .route("/user/starred", get(list));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server::new(GitHub::new(&format!("http://{address}")))
}

fn ada() -> Caller {
    Caller::local_with_upstream("github:1", "adas-token")
}

#[tokio::test]
async fn each_tool_works_as_its_caller() {
    let server = stand_in(get(user)).await;
    let Json(account) = server.whoami(ada()).await.unwrap();
    assert_eq!(account.login, "ada");

    let list = |limit| Parameters(List { limit });
    let Json(found) = server.list_my_repos(ada(), list(None)).await.unwrap();
    assert_eq!(
        found.repositories[0].full_name,
        "ada/sort=updated&per_page=20"
    );
    assert_eq!(found.repositories[0].stars, 7);
    let Json(found) = server.get_starred(ada(), list(Some(200))).await.unwrap();
    assert_eq!(found.repositories[0].full_name, "ada/per_page=100");
}

#[tokio::test]
async fn a_token_that_is_refused_means_signing_in_again() {
    let server = stand_in(get(user)).await;
    let stranger = Caller::local_with_upstream("github:2", "another-token");
    let error = server.whoami(stranger).await.err().unwrap();
    assert!(error.contains("sign in again"), "{error}");
    let nobody = server.whoami(Caller::local("eve")).await.err().unwrap();
    assert!(nobody.contains("no upstream tokens"), "{nobody}");
}

#[tokio::test]
async fn a_github_that_is_down_is_said_to_be() {
    let broken = get(|| async { StatusCode::BAD_GATEWAY });
    let error = stand_in(broken).await.whoami(ada()).await.err().unwrap();
    assert!(error.contains("502"), "{error}");
    let enough = get(|| async { (StatusCode::FORBIDDEN, [("x-ratelimit-remaining", "0")]) });
    let error = stand_in(enough).await.whoami(ada()).await.err().unwrap();
    assert!(error.contains("rate limit"), "{error}");
    let github = GitHub::new("http://127.0.0.1:1");
    let error = Server::new(github).whoami(ada()).await.err().unwrap();
    assert!(error.contains("cannot be reached"), "{error}");
}

#[test]
fn an_enterprise_server_has_its_own_api() {
    for (server, api) in [
        ("https://github.com/", "https://api.github.com"),
        (
            "https://github.company.com",
            "https://github.company.com/api/v3",
        ),
    ] {
        assert_eq!(github::api_of(server), api);
    }
}

#[test]
fn introduces_itself() {
    let server = Server::new(GitHub::new("http://127.0.0.1:1"));
    let info = server.get_info();
    assert!(info.instructions.is_some());
    assert!(info.server_info.title.is_some());
    assert!(info.server_info.icons.is_some());
}
