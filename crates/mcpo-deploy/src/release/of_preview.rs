//! Writes a preview: a revision without requests and its tag. Everything else of the service stays.

use mcpo_common::error::{Failure, Outcome};
use serde::Serialize;

use super::{
    MAX_ATTEMPTS, Released, merge, name_revision, unwritable, wait, write_traffic::patch_traffic,
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
    plan::{self, Observed, Versions},
    preview,
    traffic::{self, Wanted},
};

/// The body of the write. The settings of the service are not in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewPatch<'a> {
    client: &'a str,
    client_version: &'a str,
    template: &'a RevisionTemplate,
    traffic: &'a [TrafficTarget],
    annotations: Labels,
    etag: &'a str,
}

/// A write that Google has accepted.
struct Written {
    /// `None` if an earlier attempt of this run has already written it.
    operation: Option<Operation>,
    revision: String,
    traffic: Vec<TrafficTarget>,
}

/// Writes the preview if it differs, and waits until it is ready. `current` is the service as the
/// preview sees it.
pub async fn release_preview(
    context: &Context<'_>,
    seen: &Observed,
    image: &str,
    versions: &Versions,
    wanted: &Wanted,
) -> Outcome<Released> {
    let (names, settings) = (&context.names, &context.settings);
    let none = Service::default();
    let current = seen.service.as_ref().unwrap_or(&none);
    let service = plan::service(settings, names, image, versions, Some(current));
    if !plan::makes_revision(Some(current), &service) {
        let revision = current.latest_created().to_owned();
        let traffic = wanted.targets(Some(current), &revision)?;
        let service = if traffic::same(&current.traffic, &traffic) {
            current.clone()
        } else {
            write_traffic(context, current, &traffic).await?
        };
        return Ok(Released {
            revision,
            service,
            traffic,
        });
    }
    let (mut current, mut base) = (current.clone(), seen.preview.base.clone());
    let mut attempt = 1;
    loop {
        let written = write_revision(context, &current, base, service.clone(), wanted).await?;
        match written {
            // Someone has deployed another preview or a release at the same time.
            Err(GoogleError::Conflict(_)) if attempt < MAX_ATTEMPTS => {
                attempt += 1;
                wait::wait_for_changes(context).await?;
                let found = preview::read(&context.google, names).await;
                let found =
                    found.during(format!("failed to read the service {}", names.service_id))?;
                let found = found.ok_or_else(|| Failure::new("the service was deleted"))?;
                let removal = seen.preview.removal.clone();
                let (service, seen) = preview::of_this_preview(found, removal, names)?;
                (current, base) = (service, seen.base);
            }
            written => {
                let written = written.during("failed to release the preview")?;
                let Written {
                    operation,
                    revision,
                    traffic,
                } = written;
                let service =
                    wait::until_ready(context, operation, &revision, Some(&current)).await?;
                context.made.add(format!("revision {revision}"));
                return Ok(Released {
                    revision,
                    service,
                    traffic,
                });
            }
        }
    }
}

/// Lays the preview over the template of the service and writes it.
async fn write_revision(
    context: &Context<'_>,
    current: &Service,
    base: RevisionTemplate,
    wanted_service: Service,
    wanted: &Wanted,
) -> Outcome<Result<Written, GoogleError>> {
    let base = Service {
        template: Some(base),
        ..Service::default()
    };
    let merged = merge::onto(Some(&base), wanted_service).map_err(|error| unwritable(&error))?;
    let mut template = merged.template.unwrap_or_default();
    template.revision = String::new();
    let service_id = &context.names.service_id;
    let name = name_revision(service_id, Some(current), &template);
    let revision = named_as_preview(&name.map_err(|error| unwritable(&error))?);
    template.revision.clone_from(&revision);
    let tag = wanted.tag.as_deref().unwrap_or_default();
    let traffic = traffic::with_preview(current, tag, &revision);
    let body = PreviewPatch {
        client: &merged.client,
        client_version: &merged.client_version,
        template: &template,
        traffic: &traffic,
        annotations: annotations(current, &traffic),
        etag: &current.etag,
    };
    let written = write(context, &body).await;
    Ok(written.map(|operation| Written {
        operation,
        revision,
        traffic,
    }))
}

/// Removes the tags of previews. `current` is the service as seen by
/// [`of_this_preview`](preview::of_this_preview).
pub async fn remove_tags(context: &Context<'_>, current: &Service, tag: &str) -> Outcome<()> {
    let traffic = traffic::with_preview(current, tag, "");
    if traffic::same(&current.traffic, &traffic) {
        return Ok(());
    }
    write_traffic(context, current, &traffic).await.map(|_| ())
}

async fn write_traffic(
    context: &Context<'_>,
    current: &Service,
    traffic: &[TrafficTarget],
) -> Outcome<Service> {
    let annotations = annotations(current, traffic);
    let sent = patch_traffic(context, current, traffic, annotations).await;
    let operation = sent.during("failed to change the tag of the preview")?;
    wait::wait_for_traffic(context, operation).await
}

/// Returns the annotations of a write of a preview. Those of an unfinished release stay.
fn annotations(current: &Service, traffic: &[TrafficTarget]) -> Labels {
    let annotations = current.annotations.clone();
    let shown = preview::unpinned(traffic, &annotations);
    drift::after_shift(annotations, current, &shown)
}

/// Marks the name, so that the revision is recognized if only its name is known.
fn named_as_preview(name: &str) -> String {
    match name.rsplit_once('-') {
        Some((start, hash)) => format!("{start}-p{hash}"),
        None => format!("{name}-p"),
    }
}

async fn write(
    context: &Context<'_>,
    body: &PreviewPatch<'_>,
) -> Result<Option<Operation>, GoogleError> {
    let path = format!("v2/{}", context.names.service());
    let mask = "template,annotations,client,clientVersion,traffic";
    let request = Request {
        query: &[("updateMask", mask)],
        ..Request::with_body(&path, body)
    };
    match context.google.call(&method::SERVICE_PATCH, request).await {
        Ok(operation) => Ok(Some(operation)),
        Err(GoogleError::Conflict(message) | GoogleError::Exists(message)) => {
            // The response to an earlier attempt of this run may have been lost.
            let found = context.google.get(&method::SERVICE_GET, &path).await;
            let found: Service = found?;
            let name = found.template.as_ref().map(|template| &template.revision);
            if name == Some(&body.template.revision) {
                Ok(None)
            } else {
                Err(GoogleError::Conflict(message))
            }
        }
        Err(google_error) => Err(google_error),
    }
}
