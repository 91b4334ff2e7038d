//! Builds that Cloud Run starts with Cloud Build.

use serde::{Deserialize, Serialize};

use super::super::BuildOperation;

/// The body of `builds.submit`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SubmitBuildRequest<'a> {
    pub image_uri: String,
    pub storage_source: StorageSource<'a>,
    pub docker_build: DockerBuild,
    pub client: &'static str,
}

/// The source archive in Cloud Storage.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageSource<'a> {
    pub bucket: &'a str,
    pub object: &'a str,
}

/// Builds with the `Dockerfile` in the source.
#[derive(Debug, Serialize)]
pub struct DockerBuild {}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SubmitBuildResponse {
    pub build_operation: BuildOperation,
}
