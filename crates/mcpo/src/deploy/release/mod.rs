//! Release: the service is written once, by digest, and watched until it is ready or known not to be.

mod failure;
mod grant;
mod merge;
mod prepare;
mod wait;

use serde_json::{Value, json};

pub use self::prepare::{enable, identity_and_state, repository};
use super::{
    context::Context,
    google::{During as _, Request, Trouble, method},
    image::digest,
    plan::{self, Versions, managed_mask},
    traffic::Wanted,
};
use crate::error::Outcome;

/// What came of it.
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
) -> Outcome<Released> {
    let names = &context.names;
    let wanted = plan::service(&context.settings, names, image, versions);
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
    let operation = write(context, current, &body).await?;
    wait::until_ready(context, operation, &newest, current).await?;
    if revision.is_some() {
        context.made.add(format!("revision {newest}"));
    }
    Ok(Released { revision: newest })
}

/// Waits for what an earlier run has begun.
pub async fn settle(context: &Context<'_>, current: Option<&Value>) -> Outcome<Released> {
    let revision = current.map_or("", plan::latest).to_owned();
    wait::until_ready(context, None, &revision, current).await?;
    Ok(Released { revision })
}

/// `SERVICE-00007-1a2b3c`: told apart by generation and content, so that the same run, repeated,
/// finds its own work again.
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

/// Sends it; `None`: an earlier attempt of our own has done so already.
async fn write(
    context: &Context<'_>,
    current: Option<&Value>,
    body: &Value,
) -> Outcome<Option<Value>> {
    let names = &context.names;
    let during = || format!("failed to release {}", names.service_id);
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
            if current.is_none() {
                context.made.add(format!("service {}", names.service_id));
            }
            Ok(Some(operation))
        }
        Err(Trouble::Conflict(message) | Trouble::Exists(message)) => {
            // The answer to our own request may have been lost on its way.
            let found = context
                .google
                .get(&method::SERVICE_GET, &format!("v2/{}", names.service()))
                .await;
            let found = found.during(during())?;
            let ours = &body["template"]["revision"];
            if !ours.is_null() && found["template"]["revision"] == *ours {
                return Ok(None);
            }
            Err(Trouble::Conflict(message)).during(during())
        }
        Err(trouble) => Err(trouble).during(during()),
    }
}

/// Writes only who takes the calls.
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
    let operation = operation.during("failed to change who takes the calls")?;
    wait::wait_for_traffic(context, operation).await
}
