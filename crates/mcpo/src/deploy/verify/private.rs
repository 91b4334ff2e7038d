//! A private service: strangers are refused by Google's front, and whoever deploys gets in by an
//! identity token, in a header of Google's own, so that the server's tokens have theirs.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderName, HeaderValue};

use super::{
    Way,
    reach::{host_of, metadata_url},
};
use crate::{
    deploy::context::Context,
    error::{Exit, Failure, Outcome},
    walk::Secret,
};

/// Google takes it off before the server sees the request.
const HEADER: HeaderName = HeaderName::from_static("x-serverless-authorization");
/// What was public a moment ago may answer a little longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the walk gets in.
pub async fn way(context: &Context<'_>) -> Way {
    if !context.settings.is_private {
        return Way::Public;
    }
    let audience = format!("https://{}", context.names.host());
    let credentials = context.google.credentials();
    match credentials.identity_token(&audience).await {
        Ok(token) => Way::Private(token),
        Err(why) => Way::Closed(why.to_string()),
    }
}

/// What goes with every request of the walk.
pub fn header(token: &Secret) -> Outcome<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| Failure::new("the identity token cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok((HEADER, value))
}

/// Waits until a stranger is refused.
pub async fn check_closed(context: &Context<'_>, base: &str) -> Outcome<()> {
    let url = metadata_url(base);
    let host = host_of(&url);
    let progress = context
        .ui
        .spinner("seeing whether strangers are refused".to_owned());
    let began = Instant::now();
    let closed = loop {
        let reply = context
            .google
            .http()
            .send_once(&host, |client| client.get(&url))
            .await;
        let why = match reply {
            Ok(reply) if matches!(reply.status.as_u16(), 401 | 403) => break Ok(()),
            Ok(reply) => format!("{url} answers HTTP {} to anybody", reply.status.as_u16()),
            Err(error) => error.to_string(),
        };
        if began.elapsed() > PATIENCE {
            break Err(why);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    progress.finish_and_clear();
    let names = &context.names;
    closed.map_err(|why| {
        Failure::new(format!("{} is to be private, and is not", names.service_id))
            .because(&std::io::Error::other(why))
            .hint(format!(
                "look who has roles/run.invoker on the service; allUsers must not: gcloud run services remove-iam-policy-binding {} --region {} --member allUsers --role roles/run.invoker",
                names.service_id, names.region
            ))
            .exit_with(Exit::CheckFailed)
    })
}

/// Whoever deploys may release a service and still not call it.
pub fn not_let_in(context: &Context<'_>) -> String {
    format!(
        "{} has no permission to call it (run.routes.invoke, in roles/run.invoker)",
        context.google.credentials().who()
    )
}
