//! Secret Manager, version 1.
//! <https://cloud.google.com/secret-manager/docs/reference/rest>

use serde::{Deserialize, Serialize};

use super::{IntString, Labels, iam::Policy, is_default, page::page};

/// A secret, without the values of its versions. Updates have a field mask, so unknown fields need
/// not be written back.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Secret {
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<Replication>,
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Labels,
    /// RFC 3339, in UTC; output only.
    #[serde(skip_serializing)]
    pub create_time: String,
    /// Empty: the update does not depend on the current state.
    #[serde(skip_serializing_if = "is_default")]
    pub etag: String,
}

/// Where the versions of a secret are stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Replication {
    /// In regions that Google chooses.
    Automatic {},
    UserManaged {
        replicas: Vec<Replica>,
    },
    #[serde(untagged)]
    Other(super::Other),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replica {
    pub location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_managed_encryption: Option<CustomerManagedEncryption>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerManagedEncryption {
    pub kms_key_name: String,
}

page!(ListSecretsResponse, secrets: Secret);

/// A version of a secret, without its value.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretVersion {
    /// `projects/P/secrets/S/versions/NUMBER`
    pub name: String,
    pub state: VersionState,
    /// Changes with the state.
    pub etag: String,
}

page!(ListSecretVersionsResponse, versions: SecretVersion);

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VersionState {
    #[default]
    StateUnspecified,
    Enabled,
    Disabled,
    Destroyed,
    #[serde(untagged)]
    Other(String),
}

/// The response of `versions.access`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AccessSecretVersionResponse {
    pub name: String,
    pub payload: SecretPayload,
}

/// The body of `secrets.addVersion`.
#[derive(Debug, Serialize)]
pub struct AddSecretVersionRequest {
    pub payload: SecretPayload,
}

/// The value of a version.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretPayload {
    /// In base64.
    pub data: String,
    /// The CRC32C checksum of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_crc32c: Option<IntString<i64>>,
}

impl std::fmt::Debug for SecretPayload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretPayload(redacted)")
    }
}

/// The body of `secrets.setIamPolicy`.
#[derive(Debug, Serialize)]
pub struct SetIamPolicyRequest {
    pub policy: Policy,
}
