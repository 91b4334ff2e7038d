//! Cloud Logging, version 2.
//! <https://cloud.google.com/logging/docs/reference/v2/rest>

use serde::{Deserialize, Serialize};

use super::{Other, is_default};

/// The body of `entries.list`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListLogEntriesRequest<'a> {
    pub resource_names: Vec<String>,
    pub filter: &'a str,
    pub order_by: &'a str,
    pub page_size: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListLogEntriesResponse {
    pub entries: Vec<LogEntry>,
}

/// One log entry, with either a text or a JSON payload.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogEntry {
    #[serde(skip_serializing_if = "is_default")]
    pub insert_id: String,
    /// RFC 3339, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub severity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json_payload: Option<Other>,
    #[serde(flatten)]
    pub other: Other,
}
