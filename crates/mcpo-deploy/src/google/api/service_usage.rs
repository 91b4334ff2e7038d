//! Service Usage, version 1.
//! <https://cloud.google.com/service-usage/docs/reference/rest>

use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BatchGetServicesResponse {
    pub services: Vec<ApiService>,
}

/// An API in a project.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiService {
    /// `projects/NUMBER/services/NAME.googleapis.com`
    pub name: String,
    /// `projects/NUMBER`
    pub parent: String,
    pub state: ApiState,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ApiState {
    #[serde(rename = "ENABLED")]
    Enabled,
    #[default]
    #[serde(rename = "DISABLED")]
    Disabled,
    #[serde(untagged)]
    Other(String),
}

/// The body of `services.batchEnable`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchEnableServicesRequest<'a> {
    pub service_ids: &'a [&'a str],
}
