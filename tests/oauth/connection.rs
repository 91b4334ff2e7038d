//! The cache of a kept-alive connection saves cryptography and nothing else.

use std::time::Duration;

use mcpo_test_support::{client::TestClient, server::TestServer};
use reqwest::StatusCode;

async fn access_token(client: &TestClient) -> String {
    let tokens = client.tokens().await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Calls with each of these tokens in turn on the connection of `client` and returns the statuses.
async fn statuses(client: &TestClient, tokens: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for token in tokens {
        statuses.push(client.can_call(token).await.as_u16());
    }
    statuses
}

#[tokio::test]
async fn rs3_rs6_token_is_checked_on_every_request_of_a_connection() {
    let server = TestServer::start().await;
    let one = TestClient::register(&server.base()).await;
    let two = TestClient::register(&server.base()).await;
    let (first, second) = (access_token(&one).await, access_token(&two).await);
    let (head, tail) = first.split_at(first.len() / 2);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{head}{other}{}", &tail[1..]);
    let tokens = [&first, &first, &second, &first, &tampered, &first].map(String::as_str);
    assert_eq!(
        statuses(&one, &tokens).await,
        [200, 200, 200, 200, 401, 200]
    );

    let fields = [("token", first.as_str()), ("client_id", one.id.as_str())];
    assert_eq!(
        one.submit("/revoke", &fields).await.status(),
        StatusCode::OK
    );
    let tokens = [&first, &second, &first].map(String::as_str);
    assert_eq!(statuses(&one, &tokens).await, [401, 200, 401]);

    server.clock.advance(Duration::from_secs(3600));
    assert_eq!(statuses(&one, &[&second, &second]).await, [401, 401]);
}
