//! Writes the service once, with the image's digest, and waits until it is ready or has failed.

mod conflict;
mod encryption;
mod failure;
mod grant;
mod merge;
mod of_preview;
mod prepare;
mod wait;
mod write_service;
mod write_traffic;

use mcpo_common::error::{Failure, Outcome};

use self::write_service::{Written, write_when_known};
pub use self::{
    encryption::explain as explain_encryption,
    grant::revoke_sql,
    of_preview::{release_preview, remove_tags},
    prepare::{check_public_access, enable, identity_and_state, note_shown, repository},
    write_traffic::set_traffic,
};
use crate::{
    context::Context,
    drift,
    google::{
        ErrorContext as _,
        api::run::{RevisionTemplate, Service, TrafficTarget},
    },
    history,
    image::digest,
    plan::{self, Versions},
    preview,
    traffic::{Share, Wanted, serving},
};

/// How often a write is repeated if someone deploys previews at the same time.
const MAX_ATTEMPTS: u32 = 5;

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
    body.traffic = history::targets(traffic, current, &newest)?;
    let restored = current.filter(|_| traffic.share != Share::Everything);
    let restored = restored.and_then(|current| history::interrupted(current, &newest));
    let before = match (current, restored, &revision) {
        // The record stays until the write is in effect, which takes until the revision is ready.
        (_, Some((_, restored)), _) => serving(&restored),
        // A change without a new revision may continue a checked release.
        (Some(current), _, None) if traffic.share == Share::Kept => {
            history::before(current, &newest)
        }
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
