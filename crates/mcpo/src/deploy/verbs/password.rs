//! The password that was made, for those who may read it.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::Context;
use crate::{
    deploy::{
        google::{During as _, method},
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

/// Its latest version, if there is one.
pub async fn read(context: &Context<'_>) -> Outcome<Option<Secret>> {
    let id = context.names.secret_id(PASSWORD);
    let path = format!("v1/{}/versions/latest:access", context.names.secret(&id));
    let found = context.google.find(&method::SECRET_READ, &path).await;
    let Some(found) = found.during(format!("failed to read the secret {id}"))? else {
        return Ok(None);
    };
    let data = BASE64_STANDARD.decode(found["payload"]["data"].as_str().unwrap_or_default());
    let text = data.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.map(Secret::new))
}
