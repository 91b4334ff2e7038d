use axum::{Router, extract::RawQuery, routing::get};
use mcpo_runtime::{ApiClient, ApiError};
use rmcp::{Json, handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde_json::json;
use tokio::net::TcpListener;

use super::Served;

/// The server. It keeps one client, because the client reuses connections.
struct Server {
    api: String,
    client: ApiClient,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct City {
    /// The name of the city.
    name: String,
}

/// The parts of the API's response that the model needs.
#[derive(serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
struct Weather {
    /// In degrees Celsius.
    temperature: f64,
}

#[tool_router(server_handler)]
impl Server {
    /// Get the weather in a city.
    #[tool]
    async fn weather(&self, Parameters(city): Parameters<City>) -> Result<Json<Weather>, String> {
        let request = self
            .client
            .get(format!("{}/weather", self.api))
            .query(&[("city", &city.name)]);
        let response = request.send().await.map_err(|error| match error {
            ApiError::Timeout => "the weather service did not answer in time; try again later",
            _ => "the weather service is unreachable; try again later",
        })?;
        match response.status() {
            200 => {
                let weather = response.json();
                weather
                    .map(Json)
                    .map_err(|_| "the weather service sent an unexpected answer".into())
            }
            404 => Err(format!("there is no city {:?}", city.name)),
            status => Err(format!("the weather service answered with status {status}")),
        }
    }
}

/// Starts a fake of the API and returns its URL.
async fn fake_api() -> String {
    let weather = |RawQuery(query): RawQuery| async move {
        match query.as_deref() {
            Some("city=Paris") => Ok(r#"{ "temperature": 21.5, "station": 7 }"#),
            _ => Err(axum::http::StatusCode::NOT_FOUND),
        }
    };
    let router = Router::new().route("/weather", get(weather));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn cookbook_http_api_failures_are_tool_errors() {
    let served = Served::start(Server {
        api: fake_api().await,
        client: ApiClient::new(),
    })
    .await;
    let result = served.call("weather", &json!({ "name": "Paris" })).await;
    assert_eq!(result["structuredContent"], json!({ "temperature": 21.5 }));
    let result = served.call("weather", &json!({ "name": "Atlantis" })).await;
    assert_eq!(result["isError"], true);
    let text = "there is no city \"Atlantis\"";
    assert_eq!(result["content"][0]["text"], text);

    let unreachable = Served::start(Server {
        api: "http://127.0.0.1:1".into(),
        client: ApiClient::new(),
    })
    .await;
    let text = unreachable
        .text("weather", &json!({ "name": "Paris" }))
        .await;
    assert_eq!(text, "the weather service is unreachable; try again later");
}
