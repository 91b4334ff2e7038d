//! Artifact Registry, version 1.
//! <https://cloud.google.com/artifact-registry/docs/reference/rest>

use serde::{Deserialize, Serialize};

use super::{Labels, page::page};

/// The body of `repositories.create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    pub format: &'static str,
    pub description: &'static str,
    pub labels: Labels,
    /// The key that encrypts the images; `None` for one of Google's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_name: Option<String>,
}

/// A tag of an image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tag {
    pub name: String,
    /// The full name of the version, whose last segment is the image's digest.
    pub version: String,
}

/// A version of a package: an image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Version {
    pub name: String,
    /// RFC 3339, in UTC; empty if Google does not report it.
    pub create_time: String,
    /// RFC 3339, in UTC; empty if Google does not report it.
    pub update_time: String,
}

page!(ListTagsResponse, tags: Tag);
page!(ListVersionsResponse, versions: Version);
