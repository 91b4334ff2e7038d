//! The revisions that serve requests.

use serde::{Deserialize, Serialize};

use super::super::is_default;

/// A wanted share of the requests, a tag, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TrafficTarget {
    #[serde(rename = "type", skip_serializing_if = "is_default")]
    pub kind: AllocationType,
    /// The short name of the revision; absent for the latest one.
    #[serde(skip_serializing_if = "is_default")]
    pub revision: String,
    #[serde(skip_serializing_if = "is_default")]
    pub percent: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub tag: String,
}

/// A share or a tag that is in effect. A status for the latest revision has no revision name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TrafficTargetStatus {
    #[serde(flatten)]
    pub target: TrafficTarget,
    /// The address of the tag.
    #[serde(skip_serializing_if = "is_default")]
    pub uri: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum AllocationType {
    #[default]
    #[serde(rename = "TRAFFIC_TARGET_ALLOCATION_TYPE_UNSPECIFIED")]
    Unspecified,
    #[serde(rename = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST")]
    Latest,
    #[serde(rename = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION")]
    Revision,
    #[serde(untagged)]
    Other(String),
}

impl TrafficTarget {
    /// Returns a target for the latest revision that is ready.
    pub fn latest(percent: i64) -> Self {
        Self {
            kind: AllocationType::Latest,
            percent,
            ..Self::default()
        }
    }

    /// Returns a target for one revision.
    pub fn revision(name: &str, percent: i64) -> Self {
        Self {
            kind: AllocationType::Revision,
            revision: name.to_owned(),
            percent,
            ..Self::default()
        }
    }

    /// Returns the target with a tag.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        Self {
            tag: tag.to_owned(),
            ..self
        }
    }
}
