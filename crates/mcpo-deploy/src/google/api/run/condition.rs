//! The state of a service or a revision.

use serde::{Deserialize, Serialize};

/// One aspect of the state, such as `Ready` or `RoutesReady`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub state: ConditionState,
    pub message: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum ConditionState {
    #[default]
    #[serde(rename = "STATE_UNSPECIFIED")]
    Unspecified,
    #[serde(rename = "CONDITION_PENDING")]
    Pending,
    #[serde(rename = "CONDITION_RECONCILING")]
    Reconciling,
    #[serde(rename = "CONDITION_FAILED")]
    Failed,
    #[serde(rename = "CONDITION_SUCCEEDED")]
    Succeeded,
    #[serde(untagged)]
    Other(String),
}

impl Condition {
    pub fn is_met(&self) -> bool {
        self.state == ConditionState::Succeeded
    }
}
