//! Requests and responses of the Google APIs that deploy uses, with the names and formats of
//! Google's API descriptions (`https://www.googleapis.com/discovery/v1/apis`).
//!
//! The types follow the JSON form of protocol buffers
//! (<https://protobuf.dev/programming-guides/json/>): an absent field equals zero, false or empty,
//! 64-bit integers are strings, and an enum value that this version does not know is kept. Resources
//! that deploy reads, changes and writes back also keep their unknown fields, in `other`; traffic
//! targets do not, because deploy makes them from statuses, whose other fields are output only. A
//! field is an `Option` if deploy must be able to send its zero value.
//!
//! This module must not send requests.

pub mod artifact_registry;
pub mod iam;
mod int_string;
pub mod kms;
pub mod logging;
pub mod monitoring;
mod operation;
mod page;
mod proto_json;
pub mod redis;
pub mod resource_manager;
pub mod run;
pub mod secret_manager;
pub mod service_usage;
pub mod storage;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use self::{
    int_string::IntString,
    operation::{BuildOperation, ErrorDetail, Operation, Status},
    page::Page,
    proto_json::read,
};

/// The labels of a resource.
pub type Labels = BTreeMap<String, String>;

/// The fields of a message that this version does not know.
pub type Other = Map<String, Value>;

/// Returns the last segment of a resource name such as `projects/P/secrets/S`.
pub fn last_segment(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Returns true if the value is the one that an absent field has.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
