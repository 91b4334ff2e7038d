//! Writes the service once, with the image's digest, and waits until it is ready or has failed.

mod failure;
mod grant;
mod merge;
mod prepare;
mod wait;

use std::time::{Duration, Instant};

use mcpo_common::error::Outcome;
use serde_json::{Value, json};

pub use self::prepare::{check_public_access, enable, identity_and_state, note_shown, repository};
use crate::{
    context::Context,
    google::{ErrorContext as _, GoogleError, Request, method},
    image::digest,
    plan::{self, Versions, managed_mask},
    traffic::Wanted,
};

/// A released revision.
#[derive(Debug)]
pub struct Released {
    pub revision: String,
}

/// Writes the service and waits until it is ready.
pub async fn release(
    context: &Context<'_>,
    current: Option<&Value>,
    image: &str,
    versions: &Versions,
    traffic: &Wanted,
    makes_account: bool,
) -> Outcome<Released> {
    let names = &context.names;
    let wanted = plan::service(&context.settings, names, image, versions, current);
    let revision = plan::makes_revision(current, &wanted)
        .then(|| name_revision(names.service_id.as_str(), current, &wanted));
    let newest = revision
        .as_deref()
        .unwrap_or_else(|| current.map_or("", plan::latest))
        .to_owned();
    let mut body = merge::onto(current, wanted);
    if let Some(revision) = &revision {
        body["template"]["revision"] = revision.clone().into();
    }
    body["traffic"] = traffic.targets(current, &newest)?;
    let operation = write_when_known(context, current, &body, makes_account).await?;
    wait::until_ready(context, operation, &newest, current).await?;
    if revision.is_some() {
        context.made.add(format!("revision {newest}"));
    }
    Ok(Released { revision: newest })
}

/// Waits for a release that an earlier run started.
pub async fn settle(context: &Context<'_>, current: Option<&Value>) -> Outcome<Released> {
    let revision = current.map_or("", plan::latest).to_owned();
    wait::until_ready(context, None, &revision, current).await?;
    Ok(Released { revision })
}

/// Returns a name such as `SERVICE-00007-1a2b3c`. It is derived from the generation and the
/// content, so that a repeated run recognizes its own revision.
fn name_revision(service: &str, current: Option<&Value>, wanted: &Value) -> String {
    let generation =
        current.and_then(|service| service["generation"].as_str()?.parse::<u64>().ok());
    let hash = digest(wanted["template"].to_string().as_bytes());
    let service = service.get(..49).unwrap_or(service);
    format!(
        "{service}-{:05}-{}",
        generation.unwrap_or(0) + 1,
        &hash["sha256:".len()..][..6]
    )
}

/// How long Cloud Run may not know a new service account.
const ACCOUNT_PROPAGATION: Duration = Duration::from_secs(90);

/// Writes the service. Retries while Cloud Run does not know an account that this run created.
async fn write_when_known(
    context: &Context<'_>,
    current: Option<&Value>,
    body: &Value,
    makes_account: bool,
) -> Outcome<Option<Value>> {
    let until = Instant::now() + ACCOUNT_PROPAGATION;
    let account = context.names.account(&context.settings);
    loop {
        match write(context, current, body).await {
            Err(google_error)
                if makes_account
                    && Instant::now() < until
                    && is_about_account(&google_error, &account) =>
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            written => {
                let during = format!("failed to release {}", context.names.service_id);
                return written.during(during);
            }
        }
    }
}

/// Returns true if Cloud Run does not know the account yet, or does not know yet who may act as it.
fn is_about_account(google_error: &GoogleError, account: &str) -> bool {
    let text = google_error.to_string();
    text.contains(account) && (text.contains("does not exist") || text.contains("may not exist"))
}

/// Sends the request. Returns `None` if an earlier attempt of this run has already written the
/// service.
async fn write(
    context: &Context<'_>,
    current: Option<&Value>,
    body: &Value,
) -> Result<Option<Value>, GoogleError> {
    let names = &context.names;
    let begun = current
        .is_none()
        .then(|| context.made.begin(format!("service {}", names.service_id)));
    let sent = match current {
        None => {
            let path = format!("v2/{}/services", names.location());
            let query = [("serviceId", names.service_id.as_str())];
            let request = Request {
                path: &path,
                query: &query,
                body: Some(body),
            };
            context.google.call(&method::SERVICE_CREATE, request).await
        }
        Some(current) => {
            let path = format!("v2/{}", names.service());
            let query = [("updateMask", managed_mask())];
            let mut body = body.clone();
            body["etag"] = current["etag"].clone();
            let request = Request {
                path: &path,
                query: &query,
                body: Some(&body),
            };
            context.google.call(&method::SERVICE_PATCH, request).await
        }
    };
    match sent {
        Ok(operation) => {
            if let Some(begun) = begun {
                begun.done();
            }
            Ok(Some(operation))
        }
        Err(GoogleError::Conflict(message) | GoogleError::Exists(message)) => {
            // The response to an earlier attempt of this run may have been lost.
            let found = context
                .google
                .get(&method::SERVICE_GET, &format!("v2/{}", names.service()))
                .await;
            let found = found?;
            let ours = &body["template"]["revision"];
            if !ours.is_null() && found["template"]["revision"] == *ours {
                if let Some(begun) = begun {
                    begun.done();
                }
                return Ok(None);
            }
            if let Some(begun) = begun {
                begun.not_made();
            }
            Err(GoogleError::Conflict(message))
        }
        Err(google_error) => {
            if let Some(begun) = begun {
                begun.not_made();
            }
            Err(google_error)
        }
    }
}

/// Writes only the traffic allocation.
pub async fn set_traffic(
    context: &Context<'_>,
    current: &Value,
    traffic: &Value,
) -> Outcome<Value> {
    let names = &context.names;
    let body = json!({ "traffic": traffic, "etag": current["etag"] });
    let path = format!("v2/{}", names.service());
    let request = Request {
        path: &path,
        query: &[("updateMask", "traffic")],
        body: Some(&body),
    };
    let operation = context.google.call(&method::SERVICE_PATCH, request).await;
    let operation = operation.during("failed to change the traffic")?;
    wait::wait_for_traffic(context, operation).await
}
