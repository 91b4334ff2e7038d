//! Memorystore for Redis, version 1. <https://cloud.google.com/memorystore/docs/redis/reference/rest>

use serde::{Deserialize, Serialize};

use super::{Labels, is_default};

/// An instance.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Instance {
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    /// `BASIC` or `STANDARD_HA`.
    pub tier: String,
    /// In GiB.
    pub memory_size_gb: u32,
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Labels,
    /// The full name of the network: `projects/P/global/networks/N`.
    #[serde(skip_serializing_if = "is_default")]
    pub authorized_network: String,
    /// Whether clients need a password.
    #[serde(skip_serializing_if = "is_default")]
    pub auth_enabled: bool,
    /// `SERVER_AUTHENTICATION` if clients must use TLS.
    #[serde(skip_serializing_if = "is_default")]
    pub transit_encryption_mode: String,
    /// The key that encrypts the data; empty for one of Google's.
    #[serde(skip_serializing_if = "is_default")]
    pub customer_managed_key: String,

    // The fields below are output only.
    #[serde(skip_serializing)]
    pub host: String,
    #[serde(skip_serializing)]
    pub port: u16,
    #[serde(skip_serializing)]
    pub state: String,
}

/// The response of `instances.getAuthString`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InstanceAuthString {
    pub auth_string: String,
}

impl std::fmt::Debug for InstanceAuthString {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InstanceAuthString(redacted)")
    }
}
