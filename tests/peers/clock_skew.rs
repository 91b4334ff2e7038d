//! Instances whose clocks differ by two minutes.

use std::{sync::Arc, time::Duration};

use mcpo_runtime::{BaseUrl, store::RedisAddress};
use mcpo_test_support::{
    client::{TestClient, answer},
    clock::ManualClock,
    redis::{RedisServer, Setup},
    server::TestServer,
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

const SKEW: Duration = Duration::from_secs(130);

struct Instance {
    server: TestServer,
    host: String,
}

impl Instance {
    async fn start(redis: &RedisServer, clock: ManualClock, base: Option<&BaseUrl>) -> Self {
        let address = RedisAddress::parse(&redis.url(), None).unwrap();
        let server = TestServer::start_on("127.0.0.1:0", Arc::new(clock), |config| {
            let config = config.with_redis(address);
            match base {
                Some(base) => config.with_base_url(base.clone()),
                None => config,
            }
        })
        .await;
        let base = base.map_or_else(|| server.base(), ToString::to_string);
        let host = base.replace("http://", "").trim_end_matches('/').to_owned();
        Self { server, host }
    }

    fn post(&self, client: &TestClient, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.server.address);
        client.http.post(url).header("host", &self.host)
    }

    /// Returns the time of the instance, which a registration contains.
    async fn time(&self, client: &TestClient) -> u64 {
        let metadata = json!({ "redirect_uris": ["http://127.0.0.1:1/callback"] });
        let registered = answer(self.post(client, "/register").json(&metadata)).await;
        registered.1["client_id_issued_at"].as_u64().unwrap()
    }

    async fn refresh(&self, client: &TestClient, tokens: &Value) -> Value {
        let token = tokens["refresh_token"].as_str().unwrap();
        let request = self.post(client, "/token").form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", &client.id),
        ]);
        let (status, body) = answer(request).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as17_as18_clock_skew_of_two_minutes_loses_no_code_or_grant() {
    let redis = RedisServer::start(Setup::default());
    let right = Instance::start(&redis, ManualClock::from_now(), None).await;
    let base = BaseUrl::parse(&right.server.base()).unwrap();
    let ahead = ManualClock::from_now();
    ahead.advance(SKEW);
    let behind = ManualClock::from_now();
    behind.set_back(SKEW);
    let client = TestClient::register(&right.server.base()).await;
    for clock in [ahead, behind] {
        let wrong = Instance::start(&redis, clock, Some(&base)).await;
        let began = Instant::now();
        while wrong
            .time(&client)
            .await
            .abs_diff(right.time(&client).await)
            > 20
        {
            assert!(began.elapsed() < Duration::from_secs(30), "not corrected");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // A code of one instance is exchanged at the other, and each refresh is repeated at the
        // instance that has not answered it.
        let exchange = client.exchange(&client.code().await);
        let (status, first) = answer(wrong.post(&client, "/token").form(&exchange)).await;
        assert_eq!(status, StatusCode::OK, "{first}");
        let mut tokens = first;
        for (one, other) in [(&wrong, &right), (&right, &wrong)] {
            one.refresh(&client, &tokens).await;
            tokens = other.refresh(&client, &tokens).await;
        }
    }
}
