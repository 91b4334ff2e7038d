//! Cloud Run, versions 1 (locations) and 2.
//! <https://cloud.google.com/run/docs/reference/rest>

mod build;
mod condition;
mod container;
mod domain_mapping;
mod service;
mod traffic;

use serde::Deserialize;

pub use self::{
    build::{DockerBuild, StorageSource, SubmitBuildRequest, SubmitBuildResponse},
    condition::Condition,
    container::{
        Container, ContainerPort, EnvVar, EnvVarSource, HttpGetAction, Probe, ResourceRequirements,
        SecretKeySelector,
    },
    domain_mapping::{
        AuthorizedDomain, DomainCondition, DomainMapping, DomainMappingMetadata, DomainMappingSpec,
        ListDomainMappingsResponse, ResourceRecord,
    },
    service::{BinaryAuthorization, Revision, RevisionScaling, RevisionTemplate, Service},
    traffic::{AllocationType, TrafficTarget, TrafficTargetStatus},
};
use super::page::page;

/// A region of Cloud Run.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Location {
    pub location_id: String,
}

page!(ListLocationsResponse, locations: Location);
page!(ListServicesResponse, services: Service);
page!(ListRevisionsResponse, revisions: Revision);
page!(ListAuthorizedDomainsResponse, domains: AuthorizedDomain);
