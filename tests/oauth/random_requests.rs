//! Random requests: every response is below 500 and the server keeps running.

use mcpo_test_support::{
    client::{TestClient, browser},
    server::TestServer,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use reqwest::{Method, StatusCode};

const PATHS: [&str; 13] = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/register",
    "/authorize",
    "/sign-in",
    "/consent",
    "/token",
    "/revoke",
    "/introspect",
    "/mcp",
    "/nowhere",
];

/// Known parameter names, so that the values pass the first checks.
const NAMES: &str = "client_id|client_secret|redirect_uri|response_type|state|code_challenge|\
    code_challenge_method|resource|scope|grant_type|code|code_verifier|refresh_token|token|form|\
    password|decision|[a-z]{1,5}";

fn body() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        ".{0,40}",
        "authorization_code|refresh_token|code|S256|allow|deny|mcp:tools",
        "mcpo_(ci|fm|br|ac|at|rt|cs)_[A-Za-z0-9_-]{0,90}",
        "(https?|javascript|data|cursor)://?[a-z0-9.:@/#?%-]{0,30}",
    ];
    let form = prop::collection::vec((NAMES, value), 0..8).prop_map(|pairs| {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(pairs);
        text.finish().into_bytes()
    });
    let json = prop::collection::hash_map(
        "redirect_uris|client_name|grant_types|response_types|token_endpoint_auth_method|method",
        prop_oneof![
            ".{0,20}".prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            prop::collection::vec("(https?|cursor):/{0,3}.{0,20}", 0..4)
                .prop_map(serde_json::Value::from),
        ],
        0..5,
    )
    .prop_map(|object| serde_json::to_vec(&object).unwrap());
    prop_oneof![form, json, prop::collection::vec(any::<u8>(), 0..200)]
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::GET,
        Method::POST,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ])
}

/// `PROPTEST_CASES` sets the number of cases.
#[test]
fn as6_random_requests_cause_no_server_errors() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start_with(|config| config.with_password("x")));
    let client = runtime.block_on(TestClient::register(&server.base()));
    let http = browser();
    let header = "[ -~]{0,60}";
    let cases = std::env::var("PROPTEST_CASES").map_or(400, |text| text.parse().unwrap());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let request = (
        method(),
        prop::sample::select(PATHS.to_vec()),
        prop::option::of(body()),
        body(),
        header,
        prop::sample::select(vec![
            "authorization",
            "cookie",
            "origin",
            "content-type",
            "mcp-session-id",
        ]),
        any::<bool>(),
    );
    let outcome = runner.run(
        &request,
        |(method, path, query, body, value, name, known)| {
            let mut url = format!("{}{path}", server.base());
            if let Some(query) = query {
                let query: String = url::form_urlencoded::byte_serialize(&query).collect();
                let known = if known { client.id.as_str() } else { "" };
                url = format!(
                    "{url}?client_id={known}&{}",
                    query.replace("%3D", "=").replace("%26", "&")
                );
            }
            let request = http.request(method, url).body(body).header(name, value);
            let answer = runtime.block_on(request.send());
            let status = answer.unwrap().status();
            prop_assert!(!status.is_server_error(), "{status}");
            Ok(())
        },
    );
    outcome.unwrap();
    let health = http.get(format!("{}/health", server.base())).send();
    assert_eq!(runtime.block_on(health).unwrap().status(), StatusCode::OK);
}
