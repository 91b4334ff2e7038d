//! The client address of a request, behind trusted proxies and behind untrusted ones.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Body, extract::ConnectInfo};
use http::Request;
use mcpo_runtime::{BaseUrl, Config, Server, TrustedProxies};
use mcpo_test_support::{
    proxied_browser::ProxiedBrowser,
    sample::Sample,
    server::{TestServer, test_keys},
};
use reqwest::StatusCode;
use tower_service::Service as _;

const PASSWORD: &str = "open sesame";

async fn start(trusted: &str) -> TestServer {
    let trusted = TrustedProxies::parse(trusted).unwrap();
    TestServer::start_with(|config| {
        config
            .with_base_url(BaseUrl::parse("https://a.example").unwrap())
            .with_password(PASSWORD)
            .with_trusted_proxies(trusted)
    })
    .await
}

#[tokio::test]
async fn as21_clients_behind_a_trusted_proxy_are_throttled_separately() {
    let server = start("loopback").await;
    let mut attacker = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    let mut owner = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    attacker.lock_out("198.51.100.1").await;
    assert!(!owner.sign_in_from("198.51.100.1", PASSWORD).await);
    assert!(owner.sign_in_from("198.51.100.2", PASSWORD).await);
}

#[tokio::test]
async fn as21_forwarded_addresses_before_the_proxys_own_are_ignored() {
    let server = start("loopback").await;
    let mut client = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    for number in 0..6 {
        // The client invents the first address; the proxy appends the second.
        let list = format!("203.0.113.{number}, 198.51.100.1");
        assert!(!client.sign_in_from(&list, "wrong").await);
    }
    assert!(
        !client
            .sign_in_from("203.0.113.99, 198.51.100.1", PASSWORD)
            .await
    );
}

#[tokio::test]
async fn as21_last_forwarded_address_is_used_on_cloud_run() {
    let server = start("cloud-run").await;
    let mut attacker = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    let mut owner = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    attacker.lock_out("203.0.113.1, 198.51.100.1").await;
    assert!(
        !owner
            .sign_in_from("203.0.113.2, 198.51.100.1", PASSWORD)
            .await
    );
    assert!(
        owner
            .sign_in_from("203.0.113.1, 198.51.100.2", PASSWORD)
            .await
    );
}

#[tokio::test]
async fn as21_forwarded_header_of_an_untrusted_peer_is_ignored() {
    let server = start("10.0.0.0/8").await;
    let mut client = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    for number in 0..6 {
        assert!(
            !client
                .sign_in_from(&format!("198.51.100.{number}"), "wrong")
                .await
        );
    }
    let mut other = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    assert!(!other.sign_in_from("198.51.100.99", PASSWORD).await);
}

/// Behind an untrusted proxy, all clients are one source. A browser that has signed in before still
/// has a separate counter.
#[tokio::test]
async fn as21_known_browser_is_not_throttled_with_other_clients() {
    let server = start("").await;
    let mut owner = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    assert!(owner.sign_in_from("198.51.100.1", PASSWORD).await);
    // The session ends, but the browser is still recognized.
    server.clock.advance(Duration::from_secs(9 * 60 * 60));
    let mut attacker = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    attacker.lock_out("198.51.100.9").await;
    assert!(!attacker.sign_in_from("198.51.100.9", PASSWORD).await);
    assert!(owner.sign_in_from("198.51.100.1", PASSWORD).await);
}

#[tokio::test]
async fn as21_owner_can_sign_in_while_sixty_addresses_guess() {
    let server = start("loopback").await;
    let mut attacker = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
    for round in 0..4 {
        for number in 0..60 {
            attacker
                .sign_in_from(&format!("192.0.2.{number}"), "wrong")
                .await;
        }
        // Each round uses a new browser.
        let mut owner = ProxiedBrowser::new(&format!("http://{}", server.address), None).await;
        assert!(
            owner.sign_in_from("198.51.100.1", PASSWORD).await,
            "round {round}"
        );
    }
}

/// Sends a request to a mounted router; `peer` is the address that the outer application reports.
async fn status_for_peer(
    config: Config,
    peer: Option<&str>,
    forwarded_for: Option<&str>,
) -> StatusCode {
    let mut router = Server::new(Sample, config).into_router().await.unwrap();
    let mut request = Request::get("/.well-known/oauth-authorization-server")
        .header("host", "localhost:8080")
        .body(Body::empty())
        .unwrap();
    if let Some(list) = forwarded_for {
        request
            .headers_mut()
            .insert("x-forwarded-for", list.parse().unwrap());
    }
    if let Some(peer) = peer {
        let peer = peer.parse::<SocketAddr>().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
    }
    router.call(request).await.unwrap().status()
}

#[tokio::test]
async fn rs8_loopback_base_url_serves_only_local_peers() {
    let config = || {
        let base = BaseUrl::parse("http://localhost:8080").unwrap();
        Config::new(base, test_keys())
    };
    let trusting = |list: &str| config().with_trusted_proxies(TrustedProxies::parse(list).unwrap());
    let with_sign_in = || config().with_password(PASSWORD);
    let (ok, refused) = (StatusCode::OK, StatusCode::FORBIDDEN);
    for (config, peer, forwarded_for, expected) in [
        (config(), Some("127.0.0.1:1"), None, ok),
        (config(), Some("[::1]:1"), None, ok),
        (config(), Some("[::ffff:127.0.0.1]:1"), None, ok),
        (config(), Some("192.0.2.7:1"), None, refused),
        (config(), Some("192.0.2.7:1"), Some("127.0.0.1"), refused),
        (
            config().open_to_anyone(),
            Some("192.0.2.7:1"),
            None,
            refused,
        ),
        (with_sign_in(), Some("192.0.2.7:1"), None, refused),
        // A proxy on this machine forwards requests of other machines.
        (
            trusting("loopback"),
            Some("127.0.0.1:1"),
            Some("192.0.2.7"),
            refused,
        ),
        (trusting("loopback"), Some("127.0.0.1:1"), None, ok),
        // The bridge of a container network represents the machine that runs the container.
        (trusting("172.17.0.1"), Some("172.17.0.1:1"), None, ok),
        (
            trusting("172.17.0.1"),
            Some("172.17.0.1:1"),
            Some("192.0.2.7"),
            refused,
        ),
        // An application that does not report where requests come from.
        (config(), None, None, refused),
        (with_sign_in(), None, None, ok),
    ] {
        let status = status_for_peer(config, peer, forwarded_for).await;
        assert_eq!(status, expected, "{peer:?} {forwarded_for:?}");
    }
}
