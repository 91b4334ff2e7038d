//! Domain mappings, which only version 1 of the API has. It follows the conventions of Knative.
//! <https://cloud.google.com/run/docs/reference/rest/v1/projects.locations.domainmappings>

use serde::{Deserialize, Serialize};

use super::super::{Labels, is_default};

/// A domain that leads to a service. Deploy creates and deletes mappings but never changes one, so
/// unknown fields need not be kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DomainMapping {
    pub api_version: String,
    pub kind: String,
    pub metadata: DomainMappingMetadata,
    pub spec: DomainMappingSpec,
    #[serde(skip_serializing)]
    pub status: DomainMappingStatus,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DomainMappingMetadata {
    /// The domain.
    pub name: String,
    /// The id or the number of the project.
    pub namespace: String,
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Labels,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DomainMappingSpec {
    /// The id of the service, which must exist.
    pub route_name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub certificate_mode: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DomainMappingStatus {
    pub conditions: Vec<DomainCondition>,
    pub resource_records: Vec<ResourceRecord>,
}

/// One aspect of the state: `Ready`, `CertificateProvisioned` or `DomainRoutable`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DomainCondition {
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    pub reason: String,
    pub message: String,
}

/// A record that the owner of the domain must add to DNS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceRecord {
    /// The name relative to the apex of the domain; empty at the apex.
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub rrdata: String,
}

/// A domain whose verified owner is the caller.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthorizedDomain {
    /// The domain.
    pub id: String,
}

/// A page of mappings. Knative names the token of the next page `metadata.continue`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListDomainMappingsResponse {
    pub items: Vec<DomainMapping>,
    pub metadata: ListMeta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ListMeta {
    #[serde(rename = "continue")]
    pub next: String,
}
