//! Finds secrets of this service that no setting refers to.

use std::collections::BTreeSet;

use mcpo_common::error::Outcome;

use crate::{
    google::{
        ErrorContext as _, Google,
        api::{last_segment, secret_manager::ListSecretsResponse},
        method,
    },
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
    let listed = google.list::<ListSecretsResponse>(&method::SECRETS_LIST, &path);
    let listed = match listed.await {
        Err(google_error) if google_error.is_forbidden() => return Ok(None),
        listed => listed.during("failed to list the secrets")?,
    };
    let wanted: BTreeSet<String> = settings
        .secrets
        .iter()
        .map(|setting| names.secret_of(setting))
        .collect();
    let ours = listed
        .iter()
        .filter(|secret| names.are_labels_of_service(&secret.labels));
    let ids = ours.map(|secret| last_segment(&secret.name).to_owned());
    Ok(Some(ids.filter(|id| !wanted.contains(id)).collect()))
}
