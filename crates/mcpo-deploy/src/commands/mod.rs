//! Actions on a deployed service: show its state, shift its traffic, delete it.

mod delete;
mod password;
mod shift_traffic;
mod status;

pub use self::{
    delete::delete,
    password::{new_password, show_new_password, show_password},
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
};

/// Returns the service. Fails if it does not exist.
async fn existing(context: &Context<'_>) -> Outcome<Service> {
    let names = &context.names;
    let found = context
        .google
        .find(&method::SERVICE_GET, &format!("v2/{}", names.service()))
        .await;
    let found = found.during(format!("failed to read the service {}", names.service_id))?;
    found.ok_or_else(|| {
        Failure::new(format!(
            "service {} does not exist in {}",
            names.service_id, names.region
        ))
        .hint(format!("deploy it first: {}", context.invocation.with("")))
    })
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
