//! Tests the tools against a fake API.

use axum::{
    Json as Body, Router,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;

use rmcp::ServerHandler as _;

use super::*;

/// Answers only requests with Ada's token.
async fn only_ada(headers: HeaderMap) -> impl IntoResponse {
    let token = headers.get("authorization").map(HeaderValue::as_bytes);
    if token == Some(b"Bearer adas-token") {
        (StatusCode::OK, Body(json!({ "sub": "1", "name": "Ada" })))
    } else {
        (StatusCode::UNAUTHORIZED, Body(json!({})))
    }
}

async fn stand_in(api: axum::routing::MethodRouter) -> Server {
    let router = Router::new().route("/me", api);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server::new(Api::new(Some(format!("http://{address}/me"))))
}

fn ada() -> Caller {
    Caller::local_with_upstream("login.example:1", "adas-token")
}

#[tokio::test]
async fn each_tool_works_as_its_caller() {
    let server = stand_in(get(only_ada)).await;
    let Json(user) = server.whoami(ada());
    assert_eq!(
        (&*user.id, &*user.name),
        ("login.example:1", "login.example:1")
    );
    let profile = server.my_profile(ada()).await.unwrap();
    assert!(profile.contains("Ada"), "{profile}");
}

#[tokio::test]
async fn a_token_that_is_refused_means_signing_in_again() {
    let server = stand_in(get(only_ada)).await;
    let stranger = Caller::local_with_upstream("login.example:2", "another-token");
    let error = server.my_profile(stranger).await.err().unwrap();
    assert!(error.contains("sign in again"), "{error}");
    let nobody = Caller::local("eve");
    let error = server.my_profile(nobody).await.err().unwrap();
    assert!(error.contains("no upstream tokens"), "{error}");
}

#[tokio::test]
async fn an_api_that_is_of_no_use_is_said_to_be() {
    for (api, said) in [
        (get(|| async { StatusCode::BAD_GATEWAY }), "502"),
        (
            get(|| async { StatusCode::FORBIDDEN }),
            "does not allow you",
        ),
        (get(|| async { "x".repeat(100_000) }), "too long"),
    ] {
        let error = stand_in(api).await.my_profile(ada()).await.err().unwrap();
        assert!(error.contains(said), "{error}");
    }
    for (url, said) in [
        (Some("http://127.0.0.1:1".to_owned()), "cannot be reached"),
        (None, "API_URL is not set"),
    ] {
        let server = Server::new(Api::new(url));
        let error = server.my_profile(ada()).await.err().unwrap();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn introduces_itself() {
    let server = Server::new(Api::new(None));
    let info = server.get_info();
    assert!(info.instructions.is_some());
    assert!(info.server_info.title.is_some());
    assert!(info.server_info.icons.is_some());
}
