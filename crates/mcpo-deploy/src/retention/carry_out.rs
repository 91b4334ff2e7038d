//! Deletes what the plan listed, if it still is not needed.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt as _, stream};
use mcpo_common::{error::Outcome, text::count};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{Cleanup, Inventory, OldVersion, choose};
use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{Operation, run::Service},
        method::{self, Method},
    },
};

const TIMEOUT: Duration = Duration::from_secs(60);
/// How many resources are deleted at the same time.
const PARALLEL: usize = 8;

/// What was deleted, and what Google refused to delete.
#[derive(Debug, Default)]
pub struct Cleaned {
    pub deleted: Cleanup,
    /// One message for each kind of resource.
    pub refused: Vec<String>,
}

impl Cleaned {
    /// Returns what was planned, deleted and refused, for the JSON report.
    pub fn as_json(&self, planned: &Cleanup) -> Value {
        json!({
            "planned": planned.as_json(),
            "deleted": self.deleted.as_json(),
            "refused": self.refused,
        })
    }
}

/// The body of `secrets.versions.destroy`.
#[derive(Serialize)]
struct DestroySecretVersionRequest<'a> {
    etag: &'a str,
}

/// Deletes what is in `planned` and still is not needed. A refusal does not fail the deployment, which
/// is complete: it is reported, and the next deployment tries again.
pub async fn carry_out(context: &Context<'_>, planned: &Cleanup) -> Cleaned {
    let mut cleaned = Cleaned::default();
    if !planned.is_empty() {
        if let Err(failure) = Box::pin(delete_all(context, planned, &mut cleaned)).await {
            let why = failure.causes().join(": ");
            let what = format!("{}: {why}; nothing more was deleted", failure.what());
            cleaned.refused.push(what);
        }
        report(context, &cleaned);
    }
    cleaned
}

async fn delete_all(
    context: &Context<'_>,
    planned: &Cleanup,
    cleaned: &mut Cleaned,
) -> Outcome<()> {
    let (keep, id) = (context.settings.keep_revisions, &context.names.service_id);
    let Some((service, inventory)) = read(context).await? else {
        return Ok(());
    };
    let now = choose::plan(keep, id, Some(&service), &inventory, None);
    let revisions = planned.intersection(&now).revisions;
    let deletions = revisions.into_iter().map(|name| async {
        let path = format!("v2/{}/revisions/{name}", context.names.service());
        let deleted = delete(context, &method::REVISION_DELETE, &path, &[]).await;
        (name, deleted)
    });
    cleaned.deleted.revisions = all("old revision", deletions, &mut cleaned.refused).await;
    // A revision that could not be deleted keeps its image and its secrets.
    let Some((service, inventory)) = read(context).await? else {
        return Ok(());
    };
    let unneeded = planned.intersection(&choose::unused(&service, &inventory));
    // A registry may refuse to delete what a list names, so the lists are deleted first.
    let is_list = |digest: &String| {
        let mut attachments = inventory.attachments.iter();
        attachments.any(|one| one.digest == *digest && one.is_list)
    };
    let (lists, documents): (Vec<_>, Vec<_>) = unneeded.attachments.into_iter().partition(is_list);
    for digests in [lists, documents] {
        let deletions = digests.into_iter();
        let deletions = deletions.map(|digest| delete_version(context, digest));
        let deleted = all("old attachment", deletions, &mut cleaned.refused).await;
        cleaned.deleted.attachments.extend(deleted);
    }
    // While its image exists, the next run finds an attachment again.
    let remaining: BTreeSet<_> = inventory
        .attachments
        .iter()
        .filter(|one| !cleaned.deleted.attachments.contains(&one.digest))
        .map(|one| one.image.clone())
        .collect();
    let deletions = unneeded.images.into_iter();
    let deletions = deletions.filter(|digest| !remaining.contains(digest));
    let deletions = deletions.map(|digest| delete_version(context, digest));
    cleaned.deleted.images = all("old image", deletions, &mut cleaned.refused).await;
    let deletions = unneeded.secret_versions.into_iter().map(|version| async {
        let destroyed = destroy(context, &version).await;
        (version, destroyed)
    });
    cleaned.deleted.secret_versions =
        all("old secret version", deletions, &mut cleaned.refused).await;
    Ok(())
}

/// Reads the current state; `None` if the service was deleted.
async fn read(context: &Context<'_>) -> Outcome<Option<(Service, Inventory)>> {
    let path = format!("v2/{}", context.names.service());
    let service = context.google.find(&method::SERVICE_GET, &path);
    let (service, inventory) = tokio::join!(service, Inventory::read(context, &[]));
    let service: Option<Service> = service.during("failed to read the service")?;
    let inventory = inventory?;
    Ok(service.map(|service| (service, inventory)))
}

/// Deletes several resources at the same time, and returns the deleted ones in order.
async fn all<T, F: Future<Output = (T, Result<(), GoogleError>)>>(
    what: &str,
    deletions: impl Iterator<Item = F>,
    refused: &mut Vec<String>,
) -> Vec<T> {
    let ends: Vec<_> = stream::iter(deletions).buffered(PARALLEL).collect().await;
    let mut deleted = Vec::new();
    let mut first = None;
    let mut failed = 0;
    for (item, end) in ends {
        match end {
            Ok(()) => deleted.push(item),
            Err(google_error) => {
                failed += 1;
                first.get_or_insert(google_error);
            }
        }
    }
    if let Some(google_error) = first {
        let was = if failed == 1 { "was" } else { "were" };
        let what = count(failed, what);
        refused.push(format!("{what} {was} not deleted: {google_error}"));
    }
    deleted
}

/// Deletes an image, or what is attached to one.
async fn delete_version(
    context: &Context<'_>,
    digest: String,
) -> (String, Result<(), GoogleError>) {
    let path = format!("v1/{}/versions/{digest}", context.names.package());
    // Also deletes the version's tags.
    let query = [("force", "true")];
    let deleted = delete(context, &method::VERSION_DELETE, &path, &query).await;
    (digest, deleted)
}

/// Deletes a resource and waits for the operation.
async fn delete(
    context: &Context<'_>,
    method: &Method,
    path: &str,
    query: &[(&str, &str)],
) -> Result<(), GoogleError> {
    let request = Request {
        query,
        ..Request::to(path)
    };
    let operation: Operation = match context.google.call(method, request).await {
        // An earlier run, or someone else, has deleted it.
        Err(GoogleError::NotFound(_)) => return Ok(()),
        answered => answered?,
    };
    let (of_operation, version) = if method.id == method::REVISION_DELETE.id {
        (&method::RUN_OPERATION, "v2")
    } else {
        (&method::REPOSITORY_OPERATION, "v1")
    };
    let path = |name: &str| format!("{version}/{name}");
    let finished = context
        .google
        .finish(of_operation, path, operation, TIMEOUT);
    finished.await
}

async fn destroy(context: &Context<'_>, version: &OldVersion) -> Result<(), GoogleError> {
    let secret = context.names.secret(&version.secret);
    let path = format!("v1/{secret}/versions/{}:destroy", version.number);
    let body = DestroySecretVersionRequest {
        etag: &version.etag,
    };
    let request = Request::with_body(&path, &body);
    match context.google.call(&method::SECRET_DESTROY, request).await {
        Ok(IgnoredAny) | Err(GoogleError::NotFound(_)) => Ok(()),
        Err(google_error) => Err(google_error),
    }
}

fn report(context: &Context<'_>, cleaned: &Cleaned) {
    let deleted = &cleaned.deleted;
    let kinds = [
        (deleted.revisions.len(), "revision"),
        (deleted.images.len(), "image"),
        (deleted.secret_versions.len(), "secret version"),
    ];
    let kinds = kinds.into_iter().filter(|(number, _)| *number > 0);
    let kinds: Vec<_> = kinds.map(|(number, what)| count(number, what)).collect();
    if !kinds.is_empty() {
        let what = format_args!("{} that no kept revision uses", kinds.join(", ")).to_string();
        context.ui.step("Deleted", what);
    }
    for refusal in &cleaned.refused {
        context.ui.warn(refusal);
    }
}
