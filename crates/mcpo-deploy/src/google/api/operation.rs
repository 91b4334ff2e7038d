//! Long-running operations, which all APIs share (`google.longrunning.Operation`).

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An operation that may still be running. Its result is not part of it: deploy reads the changed
/// resource instead.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Operation {
    pub name: String,
    pub done: bool,
    /// Why the operation failed; `None` if it succeeded or is running.
    pub error: Option<Status>,
}

/// An operation of Cloud Build.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BuildOperation {
    #[serde(flatten)]
    pub operation: Operation,
    pub metadata: BuildOperationMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BuildOperationMetadata {
    pub build: Build,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Build {
    /// Empty until Cloud Build has accepted the build.
    pub id: String,
}

/// An error (`google.rpc.Status`), with the additional fields of an HTTP error response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// A `google.rpc.Code`, or the HTTP status in an error response.
    pub code: i64,
    pub message: String,
    /// The name of the code, such as `PERMISSION_DENIED`; only in error responses.
    #[serde(rename = "status")]
    pub name: String,
    #[serde(deserialize_with = "readable")]
    pub details: Vec<ErrorDetail>,
    /// Used by Cloud Storage.
    #[serde(deserialize_with = "readable")]
    pub errors: Vec<StorageError>,
}

/// One of the messages in `google/rpc/error_details.proto`. Fields of other kinds are empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ErrorDetail {
    /// The full name of the message's type, such as `type.googleapis.com/google.rpc.Help`.
    #[serde(rename = "@type")]
    pub kind: String,
    /// Of an `ErrorInfo`.
    pub reason: String,
    /// Of an `ErrorInfo`.
    pub metadata: ErrorMetadata,
    /// Of a `BadRequest`.
    pub field_violations: Vec<Violation>,
    /// Of a `PreconditionFailure` or a `QuotaFailure`.
    pub violations: Vec<Violation>,
    /// Of a `Help`.
    pub links: Vec<Link>,
}

/// The known keys of an `ErrorInfo`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ErrorMetadata {
    pub permission: String,
    pub service: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Violation {
    #[serde(rename = "type")]
    pub kind: String,
    pub field: String,
    pub subject: String,
    pub description: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Link {
    pub description: String,
    pub url: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StorageError {
    pub reason: String,
}

impl ErrorDetail {
    /// Returns true if the detail is a message of this kind, such as `Help`.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.rsplit('.').next() == Some(kind)
    }
}

/// Reads a list whose items may have any form. Unreadable items become empty, so that an unknown
/// kind of detail does not hide the message of the error.
fn readable<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + for<'item> Deserialize<'item>,
{
    let items = Vec::<Value>::deserialize(from)?;
    let read = |item: Value| T::deserialize(item).unwrap_or_default();
    Ok(items.into_iter().map(read).collect())
}
