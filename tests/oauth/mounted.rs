//! The router as part of another axum application, and the server as a process.

use std::{net::SocketAddr, process::Command};

use axum::{Router, routing::get};
use mcpo_runtime::{BaseUrl, Config, Server};
use mcpo_test_support::{client::TestClient, sample::Sample, server::test_keys};
use reqwest::StatusCode;
use tokio::net::TcpListener;

#[tokio::test]
async fn rs10_the_router_works_inside_another_application() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let config = Config::new(BaseUrl::parse(&base).unwrap(), test_keys());
    let server = Server::new(Sample, config).into_router().await.unwrap();
    let app = Router::new()
        .route("/own", get(async || "the application's own page"))
        .merge(server);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = TestClient::register(&base).await;
    let tokens = client.tokens().await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(client.can_call(token).await, StatusCode::OK);
    let elsewhere = client.http.post(format!("{base}/mcp"));
    let elsewhere = elsewhere.header("host", "evil.example").send().await;
    assert_eq!(elsewhere.unwrap().status(), StatusCode::FORBIDDEN);
    let own = client.http.get(format!("{base}/own")).send().await.unwrap();
    assert_eq!(own.text().await.unwrap(), "the application's own page");
}

/// Runs the sample server with only this environment, asserts that it does not start, and returns
/// its stderr.
fn startup_error(environment: &[(&str, &str)]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sample-server"))
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn startup_error_lists_every_problem() {
    let stderr = startup_error(&[("PORT", "http"), ("BASE_URL", "example.com")]);
    for name in [
        "MCPO_SECRET is not set",
        "PORT=\"http\"",
        "BASE_URL=\"example.com\"",
    ] {
        assert!(stderr.contains(name), "{name} in {stderr}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let secret = mcpo_test_support::process::SECRET;
    let stderr = startup_error(&[
        ("PORT", port.as_str()),
        ("MCPO_SECRET", secret),
        ("MCPO_LEDGER", "memory"),
    ]);
    assert!(stderr.contains("cannot listen on 127.0.0.1:"), "{stderr}");
    let stderr = startup_error(&[
        ("MCPO_SECRET", secret),
        ("MCPO_LEDGER", "sqlite:/proc/nowhere/ledger"),
    ]);
    assert!(
        stderr.contains("cannot use the ledger /proc/nowhere/ledger"),
        "{stderr}"
    );
}
