//! Writes the service once, with the image's digest, and waits until it is ready or has failed.

mod conflict;
mod encryption;
mod failure;
mod grant;
mod merge;
mod of_preview;
mod prepare;
mod wait;

use std::time::{Duration, Instant};

use mcpo_common::error::{Failure, Outcome};
use serde::Serialize;

pub use self::{
    encryption::explain as explain_encryption,
    grant::revoke_sql,
    of_preview::{release_preview, remove_tags},
    prepare::{check_public_access, enable, identity_and_state, note_shown, repository},
};
use crate::{
    context::Context,
    drift,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{
            Labels, Operation,
            run::{RevisionTemplate, Service, TrafficTarget},
        },
        method,
    },
    history,
    image::digest,
    plan::{self, Versions, managed_mask},
    preview,
    traffic::{self, Share, Wanted},
};

/// A released revision.
#[derive(Debug)]
pub struct Released {
    /// The short name of the newest revision.
    pub revision: String,
    /// The service when the revision was ready.
    pub service: Service,
    /// The traffic that was written.
    pub traffic: Vec<TrafficTarget>,
}

/// The next write of the service.
struct NextWrite {
    body: Service,
    /// The revision that is the latest one after the write.
    newest: String,
    makes_revision: bool,
    /// The targets without the effect of previews.
    traffic: Vec<TrafficTarget>,
}

/// Writes the service and waits until it is ready.
pub async fn release(
    context: &Context<'_>,
    current: Option<&Service>,
    image: &str,
    versions: &Versions,
    traffic: &Wanted,
    makes_account: bool,
) -> Outcome<Released> {
    let during = format!("failed to release {}", context.names.service_id);
    let mut current = current.cloned();
    let mut attempt = 1;
    loop {
        let next = next_write(context, current.as_ref(), image, versions, traffic)?;
        let written = write_when_known(context, current.as_ref(), &next.body, makes_account).await;
        let operation = match written.during(&during)? {
            Written::Now(operation) => Some(operation),
            Written::Before => None,
            Written::Lost { winner, message } => {
                let before = current.as_ref().filter(|_| attempt < MAX_ATTEMPTS);
                match after_preview(context, before, &winner).await? {
                    Some(now) => {
                        attempt += 1;
                        current = Some(now);
                        continue;
                    }
                    None => return Err(conflict::lost(context, &during, &winner, message)),
                }
            }
        };
        let service = wait::until_ready(context, operation, &next.newest, current.as_ref()).await?;
        if next.makes_revision {
            context.made.add(format!("revision {}", next.newest));
        }
        return Ok(Released {
            revision: next.newest,
            service,
            traffic: next.traffic,
        });
    }
}

/// Returns the service as it is now if someone has only deployed a preview since `before`, which must
/// not stop a release.
async fn after_preview(
    context: &Context<'_>,
    before: Option<&Service>,
    winner: &Service,
) -> Outcome<Option<Service>> {
    let Some(before) = before else {
        return Ok(None);
    };
    let found = preview::complete(&context.google, &context.names, winner.clone()).await;
    let found = found.during("failed to read the revisions")?;
    if !preview::differ_only_in_previews(before, &found.service) {
        return Ok(None);
    }
    let now = wait::wait_for_changes(context).await?;
    Ok(preview::differ_only_in_previews(before, &now).then_some(now))
}

fn next_write(
    context: &Context<'_>,
    current: Option<&Service>,
    image: &str,
    versions: &Versions,
    traffic: &Wanted,
) -> Outcome<NextWrite> {
    let names = &context.names;
    let wanted = plan::service(&context.settings, names, image, versions, current);
    let revision = if plan::makes_revision(current, &wanted) {
        let template = wanted.template.clone().unwrap_or_default();
        let name = name_revision(&names.service_id, current, &template);
        Some(name.map_err(|error| unwritable(&error))?)
    } else {
        None
    };
    let newest = revision
        .as_deref()
        .unwrap_or_else(|| current.map_or("", Service::latest_created))
        .to_owned();
    let mut body = merge::onto(current, wanted.clone()).map_err(|error| unwritable(&error))?;
    if let (Some(revision), Some(template)) = (&revision, &mut body.template) {
        template.revision.clone_from(revision);
    }
    body.traffic = traffic.targets(current, &newest)?;
    // A change without a new revision may continue a checked release.
    let before = match (current, traffic.share, &revision) {
        (Some(current), Share::Kept, None) => history::before(current, &newest),
        _ => Vec::new(),
    };
    let annotations = history::annotations(current, &before);
    let annotations = drift::after_release(annotations, current, &wanted, &body.traffic);
    let traffic = body.traffic.clone();
    if let Some(current) = current {
        (body.traffic, body.annotations) =
            preview::pinned(current, &traffic, &newest, annotations)?;
        // Google would take an earlier template for a new revision.
        if revision.is_none() && current.hides_template {
            body.template = None;
        }
    } else {
        body.annotations = annotations;
    }
    Ok(NextWrite {
        body,
        newest,
        makes_revision: revision.is_some(),
        traffic,
    })
}

/// Returns the wanted service with the settings that other tools have made.
pub fn merged(current: Option<&Service>, wanted: Service) -> Outcome<Service> {
    merge::onto(current, wanted).map_err(|error| unwritable(&error))
}

/// Returns the service after all changes to it have come into effect.
pub async fn current(context: &Context<'_>) -> Outcome<Service> {
    wait::wait_for_changes(context).await
}

/// Waits for a release that an earlier run started.
pub async fn settle(context: &Context<'_>, current: Option<&Service>) -> Outcome<Released> {
    let revision = current.map_or("", Service::latest_created).to_owned();
    let service = wait::until_ready(context, None, &revision, current).await?;
    let traffic = current.map(|current| current.traffic.clone());
    Ok(Released {
        revision,
        service,
        traffic: traffic.unwrap_or_default(),
    })
}

/// The wanted service cannot be written as JSON.
fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::new("failed to describe the service").because(error)
}

/// Returns a name such as `SERVICE-00007-1a2b3c`. It is derived from the generation and the
/// content, so that a repeated run recognizes its own revision.
fn name_revision(
    service: &str,
    current: Option<&Service>,
    template: &RevisionTemplate,
) -> serde_json::Result<String> {
    let generation = current.and_then(|service| service.generation);
    let content = serde_json::to_value(template)?.to_string();
    let hash = digest(content.as_bytes());
    let service = service.get(..49).unwrap_or(service);
    Ok(format!(
        "{service}-{:05}-{}",
        generation.map_or(0, |generation| generation.0) + 1,
        &hash["sha256:".len()..][..6]
    ))
}

/// How long Cloud Run may not know a new service account.
const ACCOUNT_PROPAGATION: Duration = Duration::from_secs(90);

/// Writes the service. Retries while Cloud Run does not know an account that this run created.
async fn write_when_known(
    context: &Context<'_>,
    current: Option<&Service>,
    body: &Service,
    makes_account: bool,
) -> Result<Written, GoogleError> {
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
            written => return written,
        }
    }
}

/// Returns true if Cloud Run does not know the account yet, or does not know yet who may act as it.
fn is_about_account(google_error: &GoogleError, account: &str) -> bool {
    let text = google_error.to_string();
    text.contains(account) && (text.contains("does not exist") || text.contains("may not exist"))
}

/// The result of a write.
enum Written {
    Now(Operation),
    /// An earlier attempt of this run, whose response was lost, has written the service.
    Before,
    /// Someone else wrote the service at the same time. The message is Google's refusal.
    Lost {
        winner: Box<Service>,
        message: String,
    },
}

/// Sends the request.
async fn write(
    context: &Context<'_>,
    current: Option<&Service>,
    body: &Service,
) -> Result<Written, GoogleError> {
    let names = &context.names;
    let begun = current
        .is_none()
        .then(|| context.made.begin(format!("service {}", names.service_id)));
    let sent = match current {
        None => {
            let path = format!("v2/{}/services", names.location());
            let query = [("serviceId", names.service_id.as_str())];
            let request = Request {
                query: &query,
                ..Request::with_body(&path, body)
            };
            context.google.call(&method::SERVICE_CREATE, request).await
        }
        Some(current) => {
            let path = format!("v2/{}", names.service());
            let removed = plan::removed(current, body);
            let passed = plan::service_fields(body.passed.keys().chain(&removed));
            let mask = managed_mask(&passed);
            let mask = match &body.template {
                Some(_) => &*mask,
                None => mask.trim_start_matches("template,"),
            };
            let query = [("updateMask", mask)];
            let body = Service {
                etag: current.etag.clone(),
                ..body.clone()
            };
            let request = Request {
                query: &query,
                ..Request::with_body(&path, &body)
            };
            context.google.call(&method::SERVICE_PATCH, request).await
        }
    };
    match sent {
        Ok(operation) => {
            if let Some(begun) = begun {
                begun.done();
            }
            Ok(Written::Now(operation))
        }
        Err(GoogleError::Conflict(message) | GoogleError::Exists(message)) => {
            // The response to an earlier attempt of this run may have been lost.
            let found = context
                .google
                .get(&method::SERVICE_GET, &format!("v2/{}", names.service()))
                .await;
            let found: Service = found?;
            if is_revision_of(body, &found) {
                if let Some(begun) = begun {
                    begun.done();
                }
                return Ok(Written::Before);
            }
            if let Some(begun) = begun {
                begun.not_made();
            }
            Ok(Written::Lost {
                winner: Box::new(found),
                message,
            })
        }
        Err(google_error) => {
            if let Some(begun) = begun {
                begun.not_made();
            }
            Err(google_error)
        }
    }
}

/// Returns true if both services have the same revision name.
fn is_revision_of(wanted: &Service, found: &Service) -> bool {
    let name = |service: &Service| service.template.as_ref().map(|it| it.revision.clone());
    let wanted = name(wanted).filter(|name| !name.is_empty());
    wanted.is_some() && wanted == name(found)
}

/// The body of an update that changes the traffic only.
#[derive(Serialize)]
struct TrafficPatch<'a> {
    traffic: &'a [TrafficTarget],
    annotations: Labels,
    etag: &'a str,
}

/// How often a write is repeated if someone deploys previews at the same time.
const MAX_ATTEMPTS: u32 = 5;

/// Writes only the traffic allocation. `before` are the shares that a checked release restores if it
/// fails; empty if the write is not part of one.
pub async fn set_traffic(
    context: &Context<'_>,
    current: &Service,
    traffic: &[TrafficTarget],
    before: &[(String, i64)],
) -> Outcome<Service> {
    let (mut current, mut targets) = (current.clone(), traffic.to_vec());
    let mut attempt = 1;
    loop {
        let annotations = history::annotations(Some(&current), before);
        let annotations = drift::after_shift(annotations, &current, &targets);
        let latest = current.latest_ready().unwrap_or_default();
        let (pinned, annotations) = preview::pinned(&current, &targets, latest, annotations)?;
        let sent = match patch_traffic(context, &current, &pinned, annotations).await {
            Err(GoogleError::Conflict(message)) => {
                // Someone may have deployed a preview, which must not stop a release.
                let now = wait::wait_for_changes(context).await?;
                if attempt < MAX_ATTEMPTS && preview::differ_only_in_previews(&current, &now) {
                    attempt += 1;
                    targets = preview::with_previews_of(&targets, &now);
                    current = now;
                    continue;
                }
                let during = "failed to change the traffic";
                return Err(conflict::lost(context, during, &now, message));
            }
            sent => sent,
        };
        let operation = sent.during("failed to change the traffic")?;
        return wait::wait_for_traffic(context, operation).await;
    }
}

/// Sends the request. Returns `None` if an earlier attempt of this run has already written the
/// traffic.
async fn patch_traffic(
    context: &Context<'_>,
    current: &Service,
    traffic: &[TrafficTarget],
    annotations: Labels,
) -> Result<Option<Operation>, GoogleError> {
    let body = TrafficPatch {
        traffic,
        annotations,
        etag: &current.etag,
    };
    let path = format!("v2/{}", context.names.service());
    let request = Request {
        query: &[("updateMask", "traffic,annotations")],
        ..Request::with_body(&path, &body)
    };
    let google = &context.google;
    match google.call(&method::SERVICE_PATCH, request).await {
        Ok(operation) => Ok(Some(operation)),
        Err(GoogleError::Conflict(message)) => {
            // The response to an earlier attempt of this run may have been lost.
            let found: Service = google.get(&method::SERVICE_GET, &path).await?;
            if traffic::same(&found.traffic, traffic) {
                Ok(None)
            } else {
                Err(GoogleError::Conflict(message))
            }
        }
        Err(google_error) => Err(google_error),
    }
}
