//! Finds secrets of this service that no setting refers to.

use std::collections::BTreeSet;

use mcpo_common::error::Outcome;

use crate::{
    google::{
        ErrorContext as _, Google,
        api::{
            last_segment,
            secret_manager::{ListSecretsResponse, Secret},
        },
        method,
    },
    labels::PREVIEW_LABEL,
    names::Names,
    settings::Settings,
};

/// Returns the secrets of the service and of its previews, or `None` if the caller is not allowed to
/// list secrets.
pub async fn all(google: &Google, names: &Names) -> Outcome<Option<Vec<Secret>>> {
    let path = format!("v1/projects/{}/secrets", names.project);
    let listed = google.list::<ListSecretsResponse>(&method::SECRETS_LIST, &path);
    let listed = match listed.await {
        Err(google_error) if google_error.is_forbidden() => return Ok(None),
        listed => listed.during("failed to list the secrets")?,
    };
    let is_ours = |secret: &Secret| names.are_labels_of_service(&secret.labels);
    Ok(Some(listed.into_iter().filter(is_ours).collect()))
}

/// Returns the ids of those that no setting refers to. Secrets of previews have their own settings.
pub fn find(secrets: &[Secret], names: &Names, settings: &Settings) -> Vec<String> {
    let wanted: BTreeSet<String> = settings
        .secrets
        .iter()
        .map(|setting| names.secret_of(setting))
        .collect();
    let of_preview = |secret: &Secret| secret.labels.get(PREVIEW_LABEL).cloned();
    let ours = secrets
        .iter()
        .filter(|secret| of_preview(secret).as_deref() == names.preview());
    let ids = ours.map(|secret| last_segment(&secret.name).to_owned());
    ids.filter(|id| !wanted.contains(id)).collect()
}
