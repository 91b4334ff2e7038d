//! What the user adds to requests, and how it is shown.

use mcpo_test_support::{
    issuer::TestIssuer,
    oauth_server::{Fault, OAuthServer, Settings},
};

use crate::support::{probe, probe_with};

#[tokio::test]
async fn trace_shows_requests_without_secrets() {
    let settings = Settings {
        password: Some("open sesame".into()),
        methods: vec!["client_secret_post"],
        ..Settings::default()
    };
    let server = OAuthServer::start(settings).await;
    let secret = [("MCPO_PROBE_PASSWORD", "open sesame")];
    let arguments = [server.url(), "--trace".into(), "--header".into()];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let key = "X-Api-Key: k-0123456789";
    let run = probe_with(&[&arguments[..], &[key]].concat(), &secret).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let trace = &run.stderr;
    for part in [
        "> POST http://127.0.0.1:",
        "> x-api-key: <x-api-key: 12 characters>",
        "< 401 after ",
        "grant_type=authorization_code&code=<code: ",
        "\"access_token\":\"<access_token: ",
        "> authorization: Bearer <access_token: ",
        "password=<password: 11 characters>",
        "$ curl -sS -i -X POST 'http://127.0.0.1:",
        "-H 'authorization: Bearer '\"$CUT_ACCESS_TOKEN\"''",
    ] {
        assert!(trace.contains(part), "{part} in\n{trace}");
    }
    let tokens = ["sesame", "k-0123456789", "secret%", "secret-"];
    for secret in tokens {
        assert!(!trace.contains(secret), "{secret} in\n{trace}");
        assert!(!run.stdout.contains(secret));
    }
    assert!(
        !run.stdout.contains("> POST"),
        "stdout contains only the report"
    );
}

/// A header for the server is not sent to the servers that it names.
#[tokio::test]
async fn header_option_is_sent_and_an_invalid_header_is_rejected() {
    let server = OAuthServer::with(Fault::ToolError).await;
    let run = probe(&[&server.url(), "--header", "X-Own: 1"]).await;
    assert_eq!(run.code, Some(1));
    let all = server.headers("x-own");
    assert!(
        !all.is_empty() && all.iter().all(|value| value == "1"),
        "{all:?}"
    );
    let run = probe(&[&server.url(), "--header", "no colon"]).await;
    assert_eq!(run.code, Some(2));
}

#[tokio::test]
async fn cookie_option_is_sent_and_an_invalid_cookie_is_rejected() {
    let server = OAuthServer::healthy().await;
    let run = probe(&[&server.url(), "--cookie", "known=yes"]).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    let cookies = server.headers("cookie");
    assert!(
        cookies.iter().any(|value| value.contains("known=yes")),
        "{cookies:?}"
    );
    let run = probe(&[&server.url(), "--cookie", "sid"]).await;
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("failed to read --cookie"),
        "{}",
        run.stderr
    );
}

#[tokio::test]
async fn resolve_option_overrides_name_resolution() {
    let server = OAuthServer::healthy().await;
    let url = format!("http://test.localhost:{}/mcp", server.port());
    // The server describes itself under another name; it only matters that it was reached.
    let run = probe(&[&url, "--resolve", "test.localhost:127.0.0.1", "--json"]).await;
    let requests = server.requests();
    assert_eq!(
        requests.first().map(String::as_str),
        Some("POST /mcp"),
        "{}",
        run.stdout
    );
    // A name that the user resolves may be private, even for an https address.
    let run = probe(&[
        "https://somewhere.example:1/mcp",
        "--resolve",
        "somewhere.example:127.0.0.1",
    ])
    .await;
    assert!(run.stdout.contains("connection refused"), "{}", run.stdout);
}

#[tokio::test]
async fn report_mentions_the_proxy_that_resolves_names() {
    let notice = "the proxy of HTTPS_PROXY looks names up and decides which addresses are reached";
    let unused_address = "http://127.0.0.1:1";
    let proxy = [
        ("HTTPS_PROXY", unused_address),
        ("http_proxy", unused_address),
    ];
    // Only the proxy can resolve the name.
    let run = probe_with(&["https://somewhere.example/mcp"], &proxy).await;
    assert!(run.stdout.contains(notice), "{}", run.stdout);
    // This machine is never reached through a proxy.
    let server = OAuthServer::healthy().await;
    let run = probe_with(&[&server.url()], &proxy).await;
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert!(!run.stdout.contains("the proxy of"), "{}", run.stdout);
}

#[tokio::test]
async fn ca_file_without_certificates_is_rejected() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let run = probe(&["https://localhost:1/mcp", "--ca", path]).await;
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("failed to read --ca"), "{}", run.stderr);
}

/// Usually an intermediate certificate is missing: the signer shows which one.
#[tokio::test]
async fn an_untrusted_certificate_is_shown_with_its_signer() {
    let (server, authority) = TestIssuer::start_with_tls().await;
    let url = server.issuer();
    let run = probe(&[&url]).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    let signer = "sent 1 certificate, and the last one is signed by “the authority of a company”";
    for notice in [signer, "an intermediate certificate may be missing"] {
        assert!(run.stdout.contains(notice), "{}", run.stdout);
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority).unwrap();
    let run = probe(&[&url, "--ca", file.path().to_str().unwrap()]).await;
    assert!(!run.stdout.contains("no TLS connection"), "{}", run.stdout);
}

/// Nothing is sent: the requests of claude.ai would not arrive. Other clients use any port.
#[tokio::test]
async fn a_port_that_the_client_does_not_connect_to_fails() {
    let pinned = ["--resolve", "example.com:93.184.215.14", "--json"];
    let run = probe(&[&["https://example.com:8443/mcp"], &pinned[..]].concat()).await;
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("a report");
    let address = &report["checks"][0];
    assert_eq!(address["id"], "address");
    assert_eq!(address["verdict"], "fail");
    let seen = "https://example.com:8443/mcp has port 8443";
    assert_eq!(address["seen"], seen);
    assert_eq!(address["expected"], "port 443");
    assert_eq!(address["requests"].as_array().map(Vec::len), Some(0));
}
