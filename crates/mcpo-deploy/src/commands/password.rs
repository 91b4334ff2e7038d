//! Reads and prints the generated password.

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    secret::Secret,
};

use super::Context;
use crate::{
    google::{ErrorContext as _, api::secret_manager::AccessSecretVersionResponse, method},
    plan::{self, Observed, Plan},
    preview, release, report,
    settings::{PASSWORD, SignIn},
};

/// Prints the password on stdout.
pub async fn show_password(context: &Context<'_>, as_json: bool) -> Outcome {
    let (version, password) = find(context).await?;
    let password = password.ok_or_else(|| {
        Failure::new(format!(
            "{} has no generated password",
            context.names.service_id
        ))
        .hint("deploy generates one if no sign-in is configured")
    })?;
    if as_json {
        let document = report::password_as_json(&context.names, &password, &version);
        context.ui.result(document);
    } else {
        context.ui.result(password.expose());
    }
    Ok(Exit::Success)
}

/// Returns the password that the service uses, or will use after its first release.
pub async fn read(context: &Context<'_>) -> Outcome<Option<Secret>> {
    let (_, password) = find(context).await?;
    Ok(password)
}

/// Returns the version of the secret that the service uses, and the password.
async fn find(context: &Context<'_>) -> Outcome<(String, Option<Secret>)> {
    let (google, names) = (&context.google, &context.names);
    let id = names.secret_id(PASSWORD);
    let during = || format!("failed to read the secret {id}");
    let found = preview::read(google, names).await.during(during())?;
    let containers = found.as_ref().map(|found| found.containers(names));
    let containers = containers.unwrap_or_default();
    let version = plan::pinned(containers, PASSWORD, &id).unwrap_or("latest");
    let path = format!("v1/{}/versions/{version}:access", names.secret(&id));
    let found = google.find(&method::SECRET_READ, &path).await;
    let found: Option<AccessSecretVersionResponse> = found.during(during())?;
    let password = found.and_then(|found| plan::decoded(&found.payload));
    Ok((version.to_owned(), password))
}

/// Shows a generated password that has not been shown yet, and records that it was shown. JSON
/// output contains the secret's name instead.
pub async fn show_new_password(
    as_json: bool,
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
) -> Outcome<()> {
    let Some(password) = new_password(context, plan, seen).await? else {
        return Ok(());
    };
    let id = context.names.secret_id(PASSWORD);
    if !as_json {
        let command = context.invocation.with("--show-password");
        report::password(context.ui, &password, &id, &command);
    }
    release::note_shown(context, &id, plan.to_show.as_ref()).await;
    Ok(())
}

/// Returns the password if this run created it, or if an earlier run created it but did not show
/// it.
pub async fn new_password(
    context: &Context<'_>,
    plan: &Plan,
    seen: &Observed,
) -> Outcome<Option<Secret>> {
    if context.settings.sign_in != SignIn::GeneratedPassword {
        return Ok(None);
    }
    let mut changes = plan.secrets.iter();
    match changes.find(|secret| secret.variable == PASSWORD) {
        Some(made) => Ok(Some(made.value.clone())),
        None if seen.service.is_none() || plan.to_show.is_some() => read(context).await,
        None => Ok(None),
    }
}
