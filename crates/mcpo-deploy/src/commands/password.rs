//! Prints the generated password.

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    secret::Secret,
};

use super::Context;
use crate::{
    google::{
        ErrorContext as _,
        api::{run::Service, secret_manager::AccessSecretVersionResponse},
        method,
    },
    plan,
    settings::PASSWORD,
};

/// Prints the password on stdout.
pub async fn show_password(context: &Context<'_>) -> Outcome {
    let password = read(context).await?.ok_or_else(|| {
        Failure::new(format!(
            "{} has no generated password",
            context.names.service_id
        ))
        .hint("deploy generates one if no sign-in is configured")
    })?;
    context.ui.result(password.expose());
    Ok(Exit::Success)
}

/// Returns the password that the service uses, or will use after its first release.
pub async fn read(context: &Context<'_>) -> Outcome<Option<Secret>> {
    let (google, names) = (&context.google, &context.names);
    let id = names.secret_id(PASSWORD);
    let during = || format!("failed to read the secret {id}");
    let path = format!("v2/{}", names.service());
    let service = google.find(&method::SERVICE_GET, &path).await;
    let service: Service = service.during(during())?.unwrap_or_default();
    let version = plan::pinned(service.containers(), PASSWORD, &id).unwrap_or("latest");
    let path = format!("v1/{}/versions/{version}:access", names.secret(&id));
    let found = google.find(&method::SECRET_READ, &path).await;
    let found: Option<AccessSecretVersionResponse> = found.during(during())?;
    Ok(found.and_then(|found| plan::decoded(&found.payload)))
}
