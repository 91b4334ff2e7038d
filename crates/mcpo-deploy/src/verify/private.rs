//! Verifies private services: Google's front end refuses requests without IAM permission. mcpo
//! authenticates with an identity token in a separate header, because `Authorization` carries the
//! server's own tokens.

use std::time::{Duration, Instant};

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    secret::Secret,
};
use reqwest::header::{HeaderName, HeaderValue};

use super::{
    Way,
    reach::{host_of, metadata_url},
};
use crate::context::Context;

/// Google's front end removes this header before it forwards the request.
const HEADER: HeaderName = HeaderName::from_static("x-serverless-authorization");
/// How long a service that was public may keep answering.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Returns how the probe passes Google's front end.
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

/// Returns the header to send with every request of the probe.
pub fn header(token: &Secret) -> Outcome<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| Failure::new("the identity token is not a valid header value"))?;
    value.set_sensitive(true);
    Ok((HEADER, value))
}

/// Waits until requests without IAM permission are refused.
pub async fn check_closed(context: &Context<'_>, base: &str) -> Outcome<()> {
    let url = metadata_url(base);
    let host = host_of(&url);
    let progress = context
        .ui
        .spinner("checking that requests without permission are refused".to_owned());
    let began = Instant::now();
    let closed = loop {
        let reply = context
            .google
            .http()
            .send_once(&host, |client| client.get(&url))
            .await;
        let why = match reply {
            Ok(reply) if matches!(reply.status.as_u16(), 401 | 403) => break Ok(()),
            Ok(reply) => format!(
                "{url} answers HTTP {} without authentication",
                reply.status.as_u16()
            ),
            Err(error) => error.to_string(),
        };
        if began.elapsed() > RESPONSE_TIMEOUT {
            break Err(why);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    progress.finish_and_clear();
    let names = &context.names;
    closed.map_err(|why| {
        Failure::new(format!("{} should be private, but requests without permission are not refused", names.service_id))
            .because(&std::io::Error::other(why))
            .hint(format!(
                "check which members have roles/run.invoker on the service; remove allUsers: gcloud run services remove-iam-policy-binding {} --region {} --member allUsers --role roles/run.invoker",
                names.service_id, names.region
            ))
            .exit_with(Exit::CheckFailed)
    })
}

/// Describes a caller that may release the service but not call it.
pub fn not_let_in(context: &Context<'_>) -> String {
    format!(
        "{} has no permission to call it (run.routes.invoke, in roles/run.invoker)",
        context.google.credentials().who()
    )
}
