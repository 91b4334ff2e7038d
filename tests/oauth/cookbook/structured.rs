use rmcp::{Json, handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde_json::json;

use super::Served;

struct Server;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct City {
    /// The name of the city.
    name: String,
}

/// The weather in one city.
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Weather {
    city: String,
    /// In degrees Celsius.
    temperature: f64,
    /// Absent if there is no warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

#[tool_router(server_handler)]
impl Server {
    /// Get the weather in a city.
    #[tool]
    fn weather(&self, Parameters(city): Parameters<City>) -> Json<Weather> {
        Json(Weather {
            city: city.name,
            temperature: 21.5,
            warning: None,
        })
    }
}

#[tokio::test]
async fn cookbook_structured_results_come_with_their_schema() {
    let served = Served::start(Server).await;
    let tool = served.listed("weather").await;
    let properties = &tool["outputSchema"]["properties"];
    assert_eq!(
        properties["temperature"]["description"],
        "In degrees Celsius."
    );
    let result = served.call("weather", &json!({ "name": "Paris" })).await;
    let expected = json!({ "city": "Paris", "temperature": 21.5 });
    assert_eq!(result["structuredContent"], expected);
}
