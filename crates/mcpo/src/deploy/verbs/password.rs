//! The password that was made, for those who may read it.

use super::Context;
use crate::{
    deploy::{
        google::{During as _, method},
        plan,
        settings::PASSWORD,
    },
    error::{Exit, Failure, Outcome},
    walk::Secret,
};

/// Prints it on stdout.
pub async fn show_password(context: &Context<'_>) -> Outcome {
    let password = read(context).await?.ok_or_else(|| {
        Failure::new(format!(
            "no password was made for {}",
            context.names.service_id
        ))
        .hint("one is made by a deployment without a sign-in of its own")
    })?;
    context.ui.result(password.expose());
    Ok(Exit::Success)
}

/// The one that the service has, or would have.
pub async fn read(context: &Context<'_>) -> Outcome<Option<Secret>> {
    let (google, names) = (&context.google, &context.names);
    let id = names.secret_id(PASSWORD);
    let during = || format!("failed to read the secret {id}");
    let path = format!("v2/{}", names.service());
    let service = google.find(&method::SERVICE_GET, &path).await;
    let service = service.during(during())?.unwrap_or_default();
    let version = plan::pinned(&service, PASSWORD, &id).unwrap_or("latest");
    let path = format!("v1/{}/versions/{version}:access", names.secret(&id));
    let found = google.find(&method::SECRET_READ, &path).await;
    Ok(found.during(during())?.as_ref().and_then(plan::decoded))
}
