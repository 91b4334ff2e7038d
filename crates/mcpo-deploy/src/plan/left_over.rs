//! Finds secrets of this service that no setting refers to.

use std::collections::BTreeSet;

use mcpo_common::error::Outcome;

use crate::{
    google::{ErrorContext as _, Google, method},
    names::Names,
    settings::Settings,
};

/// Returns the ids of the secrets, or `None` if the caller is not allowed to list secrets.
pub async fn find(
    google: &Google,
    names: &Names,
    settings: &Settings,
) -> Outcome<Option<Vec<String>>> {
    let path = format!("v1/projects/{}/secrets", names.project);
    let listed = match google.list(&method::SECRETS_LIST, &path, "secrets").await {
        Err(google_error) if google_error.is_forbidden() => return Ok(None),
        listed => listed.during("failed to list the secrets")?,
    };
    let wanted: BTreeSet<String> = settings
        .secrets
        .iter()
        .map(|setting| names.secret_of(setting))
        .collect();
    let ours = listed.iter().filter(|secret| names.has_labels(secret));
    let ids = ours.filter_map(|secret| secret["name"].as_str()?.rsplit('/').next());
    Ok(Some(
        ids.filter(|id| !wanted.contains(*id))
            .map(str::to_owned)
            .collect(),
    ))
}
