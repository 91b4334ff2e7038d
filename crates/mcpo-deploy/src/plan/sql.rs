//! Reads who may connect to the Cloud SQL instances of the settings.

use std::collections::{BTreeMap, BTreeSet};

use mcpo_common::error::Outcome;

use crate::{
    google::{ErrorContext as _, Google, GoogleError, api::iam::Policy, method},
    settings::{Settings, sql_project},
};

/// Returns the IAM policies of the projects with the instances, by project. Without the API, no
/// policy is known, and the role is granted. A caller that may not read a policy cannot change it
/// either, so this project is left out: its owner must have granted the role.
pub async fn policies(
    google: &Google,
    settings: &Settings,
    is_enabled: bool,
) -> Outcome<BTreeMap<String, Policy>> {
    let instances = settings.cloud_sql.iter();
    let projects: BTreeSet<_> = instances.filter_map(|name| sql_project(name)).collect();
    let mut policies = BTreeMap::new();
    for project in projects {
        let path = format!("v3/projects/{project}:getIamPolicy");
        let found = if is_enabled {
            google.policy(&method::PROJECT_POLICY, &path).await
        } else {
            Ok(Policy::default())
        };
        if found.as_ref().is_err_and(GoogleError::is_forbidden) {
            continue;
        }
        let during = format!("failed to read who may connect to Cloud SQL in {project}");
        policies.insert(project.to_owned(), found.during(during)?);
    }
    Ok(policies)
}
