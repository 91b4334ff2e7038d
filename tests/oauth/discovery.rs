//! The metadata documents that a client reads first.

use mcpo_runtime::BaseUrl;
use mcpo_test_support::{
    client::{answer, browser},
    process::{ServerProcess, free_port},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const RESOURCE_PATHS: [&str; 2] = [
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource",
];
const SERVER_PATHS: [&str; 2] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

async fn document(url: &str) -> Value {
    let (status, body) = answer(browser().get(url)).await;
    assert_eq!(status, StatusCode::OK, "{url}");
    body
}

#[tokio::test]
async fn rs1_rs7_resource_metadata_is_served_at_both_paths() {
    let server = TestServer::start().await;
    let base = server.base();
    for path in RESOURCE_PATHS {
        let body = document(&format!("{base}{path}")).await;
        assert_eq!(body["resource"], format!("{base}/mcp"));
        assert_eq!(body["authorization_servers"], json!([base]));
        assert_eq!(body["bearer_methods_supported"], json!(["header"]));
        assert_eq!(
            body["scopes_supported"],
            json!(["mcp:tools", "notes:write"]),
            "RS7: no offline_access"
        );
    }
}

#[tokio::test]
async fn rs1_as2_loopback_metadata_matches_the_requested_host() {
    let server = TestServer::start().await;
    let port = server.address.port();
    for base in [
        format!("http://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
    ] {
        let resource = document(&format!("{base}{}", RESOURCE_PATHS[0])).await;
        assert_eq!(resource["resource"], format!("{base}/mcp"));
        assert_eq!(resource["authorization_servers"], json!([base]));
        let server = document(&format!("{base}{}", SERVER_PATHS[0])).await;
        assert_eq!(server["issuer"], base);
    }
}

#[tokio::test]
async fn as2_as3_as7_server_metadata_is_served_at_both_paths() {
    let server = TestServer::start().await;
    let base = server.base();
    for path in SERVER_PATHS {
        let body = document(&format!("{base}{path}")).await;
        assert_eq!(body["issuer"], base, "AS2: byte for byte");
        for (field, endpoint) in [
            ("authorization_endpoint", "/authorize"),
            ("token_endpoint", "/token"),
            ("registration_endpoint", "/register"),
            ("revocation_endpoint", "/revoke"),
            ("introspection_endpoint", "/introspect"),
        ] {
            assert_eq!(body[field], format!("{base}{endpoint}"));
        }
        assert_eq!(
            body["code_challenge_methods_supported"],
            json!(["S256"]),
            "AS3"
        );
        assert_eq!(
            body["authorization_response_iss_parameter_supported"], true,
            "AS7"
        );
        assert_eq!(
            body["token_endpoint_auth_methods_supported"],
            json!(["none", "client_secret_basic", "client_secret_post"]),
            "AS1"
        );
        assert_eq!(body["response_types_supported"], json!(["code"]));
        assert_eq!(
            body["grant_types_supported"],
            json!(["authorization_code", "refresh_token"])
        );
    }
}

#[tokio::test]
async fn as2_server_metadata_is_not_served_at_the_path_of_the_resource() {
    let server = TestServer::start().await;
    let path = "/.well-known/oauth-authorization-server/mcp";
    let response = browser().get(format!("{}{path}", server.base())).send();
    assert_eq!(response.await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn rs1_public_server_refuses_metadata_requests_for_another_host() {
    let server = TestServer::start_with(|config| {
        config
            .with_base_url(BaseUrl::parse("https://a.example").unwrap())
            .open_to_anyone()
    })
    .await;
    let metadata_for_host = |host: &'static str| {
        let url = format!("http://{}{}", server.address, RESOURCE_PATHS[0]);
        answer(browser().get(url).header("host", host))
    };
    let (status, body) = metadata_for_host("a.example").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["resource"], "https://a.example/mcp");
    let (status, body) = metadata_for_host("a-hash-uc.run.app").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        body["error_description"]
            .as_str()
            .unwrap()
            .contains("https://a.example"),
        "{body}"
    );
}

#[tokio::test]
async fn rs9_metadata_is_readable_from_any_origin() {
    let server = TestServer::start().await;
    for path in [RESOURCE_PATHS[0], SERVER_PATHS[0]] {
        let request = browser()
            .get(format!("{}{path}", server.base()))
            .header("origin", "https://inspector.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    }
}

#[tokio::test]
async fn health_endpoint_accepts_any_host_and_reveals_nothing() {
    let server = TestServer::start().await;
    let url = format!("http://{}/health", server.address);
    let (status, body) = answer(browser().get(url).header("host", "10.0.0.7")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body, json!({ "status": "ok" }));
}

const CHALLENGE_PATH: &str = "/.well-known/openai-apps-challenge";

#[tokio::test]
async fn the_domain_token_is_served_exactly_and_never_cached() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_sample-server");
    let token = [("MCPO_OPENAI_CHALLENGE", "abc-DEF_123")];
    let server = ServerProcess::start(program, free_port(), folder.path(), &token).await;
    let url = format!("{}{CHALLENGE_PATH}", server.base());
    let request = browser().get(&url).header("origin", "https://chatgpt.com");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(response.text().await.unwrap(), "abc-DEF_123");
    let request = browser().get(&url).header("host", "other.example");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_a_domain_token_nothing_is_served() {
    let server = TestServer::start().await;
    let response = browser().get(format!("{}{CHALLENGE_PATH}", server.base()));
    let response = response.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.text().await.unwrap(), "");
}
