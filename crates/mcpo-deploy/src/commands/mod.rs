//! Actions on a deployed service: show its state, shift its traffic, delete it.

mod delete;
mod password;
mod preview;
mod shift_traffic;
mod status;

pub use self::{
    delete::delete,
    password::{new_password, show_new_password, show_password},
    preview::{delete as delete_preview, deploy as deploy_preview},
    shift_traffic::{promote, rollback},
    status::status,
};
use mcpo_common::error::{Failure, Outcome};

use crate::{
    context::Context,
    google::{
        ErrorContext as _,
        api::run::{ListRevisionsResponse, Revision, Service},
        method,
    },
    preview::{Found, read as read_service},
};

/// Returns the service. Fails if it does not exist.
async fn existing(context: &Context<'_>) -> Outcome<Service> {
    existing_with_previews(context)
        .await
        .map(|found| found.service)
}

/// Returns the service and its previews. Fails if the service does not exist.
async fn existing_with_previews(context: &Context<'_>) -> Outcome<Found> {
    let names = &context.names;
    found(context).await?.ok_or_else(|| {
        Failure::new(format!(
            "service {} does not exist in {}",
            names.service_id, names.region
        ))
        .hint(format!("deploy it first: {}", context.invocation.with("")))
    })
}

/// Returns the service without its previews, and the previews. `None` if it does not exist.
async fn found(context: &Context<'_>) -> Outcome<Option<Found>> {
    let names = &context.names;
    let found = read_service(&context.google, names).await;
    found.during(format!("failed to read the service {}", names.service_id))
}

/// Returns the service's revisions, newest first.
async fn revisions(context: &Context<'_>) -> Outcome<Vec<Revision>> {
    let path = format!("v2/{}/revisions", context.names.service());
    let listed = context
        .google
        .list::<ListRevisionsResponse>(&method::REVISIONS_LIST, &path)
        .await;
    let mut revisions = listed.during("failed to list the revisions")?;
    revisions.sort_by(|a, b| b.create_time.cmp(&a.create_time));
    Ok(revisions)
}
