//! Two instances with one ledger. One of them is stopped for a while and then continues.

use std::time::Duration;

use mcpo_test_support::{
    client::{TestClient, answer},
    process::{ServerProcess, free_port},
    wait,
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

const SERVER: &str = env!("CARGO_BIN_EXE_sample-server");
/// Long enough for work in the background that follows a response.
const SETTLE: Duration = Duration::from_millis(500);
/// Long enough to be detected.
const PAUSE: Duration = Duration::from_secs(7);

struct Instances {
    one: ServerProcess,
    other: ServerProcess,
    host: String,
    client: TestClient,
}

impl Instances {
    async fn start(folder: &std::path::Path) -> Self {
        let ports = [free_port(), free_port()];
        let host = format!("localhost:{}", ports[0]);
        let base = format!("http://{host}");
        let environment = [("BASE_URL", &*base)];
        let one = ServerProcess::start(SERVER, ports[0], folder, &environment).await;
        let environment = [("BASE_URL", &*base), ("PORT", &ports[1].to_string())];
        let other = ServerProcess::start(SERVER, ports[1], folder, &environment).await;
        let client = TestClient::register(&base).await;
        Self {
            one,
            other,
            host,
            client,
        }
    }

    /// Builds a token request to an instance, with the public host name of both.
    fn token(&self, instance: &ServerProcess, parameters: &[(&str, String)]) -> RequestBuilder {
        let request = self.client.http.post(format!("{}/token", instance.base()));
        request.header("host", &self.host).form(parameters)
    }

    fn refresh(&self, instance: &ServerProcess, tokens: &Value) -> RequestBuilder {
        let token = tokens["refresh_token"].as_str().unwrap();
        let parameters = [
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", token.to_owned()),
            ("client_id", self.client.id.clone()),
        ];
        self.token(instance, &parameters)
    }
}

async fn expect_ok(request: RequestBuilder) -> Value {
    let (status, body) = answer(request).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// The client gives up on the stopped instance and continues at the other one. The requests that it
/// had sent still wait in the socket of the first instance and must not count as token theft.
#[tokio::test(flavor = "multi_thread")]
async fn as17_as18_delayed_requests_of_a_paused_instance_end_no_grant() {
    let folder = tempfile::tempdir().unwrap();
    let instances = Instances::start(folder.path()).await;
    let Instances {
        one, other, client, ..
    } = &instances;
    let first = client.tokens().await;
    let code = client.code().await;

    // A process that is stopped in the middle of a write to SQLite would block the other one.
    tokio::time::sleep(SETTLE).await;
    wait::signal("STOP", one.pid());
    let late = [
        tokio::spawn(answer(instances.refresh(one, &first))),
        tokio::spawn(answer(instances.token(one, &client.exchange(&code)))),
    ];
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = expect_ok(instances.refresh(other, &first)).await;
    let third = expect_ok(instances.refresh(other, &second)).await;
    let exchanged = expect_ok(instances.token(other, &client.exchange(&code))).await;
    let refreshed = expect_ok(instances.refresh(other, &exchanged)).await;
    tokio::time::sleep(PAUSE).await;
    wait::signal("CONT", one.pid());
    for late in late {
        let (status, body) = late.await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    }
    expect_ok(instances.refresh(other, &third)).await;
    expect_ok(instances.refresh(other, &refreshed)).await;
}
