//! Resource Manager, version 3.
//! <https://cloud.google.com/resource-manager/reference/rest>

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Project {
    /// `projects/NUMBER`
    pub name: String,
}
