//! Ending all grants from before a given time, for a restored ledger that has lost revocations.

use std::{sync::Arc, time::Duration};

use mcpo_runtime::Clock as _;
use mcpo_test_support::{
    client::TestClient,
    clock::ManualClock,
    faulty_ledger::{FaultyLedger, Shared},
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::Value;

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

#[tokio::test]
async fn as20_grants_before_the_cutoff_end_even_if_refreshed_later() {
    let clock = Arc::<ManualClock>::default();
    let ledger = FaultyLedger::new(clock.clone());
    let start = async |address: &str, not_before| {
        let ledger = Arc::new(Shared(Arc::clone(&ledger)));
        TestServer::start_on(address, Arc::clone(&clock), |config| {
            let config = config.with_store(ledger);
            match not_before {
                Some(moment) => config.with_grants_not_before(moment),
                None => config,
            }
        })
        .await
    };
    let server = start("127.0.0.1:0", None).await;
    let address = server.address.to_string();
    let client = TestClient::register(&server.base()).await;
    let old = client.tokens().await;
    let old_code = client.code().await;
    clock.advance(Duration::from_secs(10));
    let moment = clock.now();
    clock.advance(Duration::from_secs(10));
    let (status, refreshed) = client.refresh(text(&old, "refresh_token")).await;
    assert_eq!(status, StatusCode::OK);
    let new = client.tokens().await;
    server.stop().await;

    let server = start(&address, Some(moment)).await;
    let status = client.can_call(text(&refreshed, "access_token")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    for (status, body) in [
        client.refresh(text(&refreshed, "refresh_token")).await,
        client.token(&client.exchange(&old_code)).await,
    ] {
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"], "invalid_grant");
    }
    let status = client.can_call(text(&new, "access_token")).await;
    assert_eq!(status, StatusCode::OK);
    let (status, next) = client.refresh(text(&new, "refresh_token")).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    let status = client.can_call(text(&next, "access_token")).await;
    assert_eq!(status, StatusCode::OK);
    // The client only needs to sign in again.
    client.tokens().await;
    drop(server);
}
