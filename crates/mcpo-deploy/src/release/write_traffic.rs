//! Writes the traffic of the service, and nothing else.

use mcpo_common::error::Outcome;
use serde::Serialize;

use super::{MAX_ATTEMPTS, conflict, wait};
use crate::{
    context::Context,
    drift,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{
            Labels, Operation,
            run::{Service, TrafficTarget},
        },
        method,
    },
    history, preview, traffic,
};

/// The body of an update that changes the traffic only.
#[derive(Serialize)]
struct TrafficPatch<'a> {
    traffic: &'a [TrafficTarget],
    annotations: Labels,
    etag: &'a str,
}

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
pub async fn patch_traffic(
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
