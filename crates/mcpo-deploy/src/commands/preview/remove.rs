//! Removes what belongs to previews that are deleted or too old: revisions, records in the ledger,
//! and secrets. The secrets come last, because a run after a kill finds the rest by them.

use std::time::Duration;

use mcpo_common::error::Outcome;
use serde::de::IgnoredAny;

use crate::{
    bucket::LEDGER,
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{
            Operation, last_segment,
            storage::{Objects, object_path},
        },
        method,
    },
    plan::Line,
    preview::{Removal, records_prefix},
    settings::Ledger,
};

const DELETE_TIMEOUT: Duration = Duration::from_secs(180);

/// Returns one line for each resource that is removed.
pub fn lines(context: &Context<'_>, removal: &Removal) -> Vec<Line> {
    let line = |text: String, method: &method::Method| Line {
        sign: '-',
        text,
        methods: vec![method.id],
    };
    let revisions = removal.revisions.iter().map(|name| {
        let text = format!("revision {} of a preview", last_segment(name));
        line(text, &method::REVISION_DELETE)
    });
    let records = records(context, removal).map(|tag| {
        let text = format!("records of the preview {tag} in the ledger");
        line(text, &method::OBJECT_DELETE)
    });
    let secrets = removal.secrets.iter();
    let secrets = secrets.map(|id| line(format!("secret {id}"), &method::SECRET_DELETE));
    revisions.chain(records).chain(secrets).collect()
}

/// Removes all of it. Call it after the tags are removed.
pub async fn remove(context: &Context<'_>, removal: &Removal) -> Outcome<()> {
    let google = &context.google;
    for name in &removal.revisions {
        let what = format!("revision {}", last_segment(name));
        let during = || format!("failed to delete the {what}");
        let path = format!("v2/{name}");
        let deleted = google.call(&method::REVISION_DELETE, Request::to(&path));
        let operation: Option<Operation> = match deleted.await {
            Err(GoogleError::NotFound(_)) => continue,
            deleted => deleted.during(during())?,
        };
        let path = |name: &str| format!("v2/{name}");
        let operation = operation.unwrap_or_default();
        let finished = google.finish(&method::RUN_OPERATION, path, operation, DELETE_TIMEOUT);
        finished.await.during(during())?;
        context.ui.step("Deleted", what);
    }
    for tag in records(context, removal) {
        delete_records(context, tag).await?;
    }
    for id in &removal.secrets {
        let path = format!("v1/{}", context.names.secret(id));
        let deleted = google.call(&method::SECRET_DELETE, Request::to(&path));
        match deleted.await {
            Ok(IgnoredAny) | Err(GoogleError::NotFound(_)) => {}
            Err(google_error) => {
                return Err(google_error).during(format!("failed to delete the secret {id}"));
            }
        }
        context.ui.step("Deleted", format_args!("secret {id}"));
    }
    Ok(())
}

/// Returns the previews whose records mcpo can delete: those in the bucket that it created.
fn records<'a>(context: &Context<'_>, removal: &'a Removal) -> impl Iterator<Item = &'a String> {
    let is_bucket = context.settings.ledger == Ledger::Bucket;
    removal.with_records.iter().filter(move |_| is_bucket)
}

async fn delete_records(context: &Context<'_>, tag: &str) -> Outcome<()> {
    let google = &context.google;
    let during = || format!("failed to delete the records of the preview {tag}");
    let bucket = format!("storage/v1/b/{}", context.names.bucket(LEDGER));
    let prefix = records_prefix(&context.settings, &context.names, tag);
    let mut count = 0_usize;
    loop {
        let before = count;
        let path = format!("{bucket}/o");
        let request = Request {
            query: &[("prefix", prefix.as_str())],
            ..Request::to(&path)
        };
        let page = match google.call(&method::OBJECTS_LIST, request).await {
            Err(GoogleError::NotFound(_)) => return Ok(()),
            page => page,
        };
        let page: Objects = page.during(during())?;
        if page.items.is_empty() {
            break;
        }
        for object in page.items {
            let path = object_path(&bucket, &object.name);
            match google
                .call(&method::OBJECT_DELETE, Request::to(&path))
                .await
            {
                Ok(IgnoredAny) => count += 1,
                Err(GoogleError::NotFound(_)) => {}
                Err(google_error) => return Err(google_error).during(during()),
            }
        }
        if count == before {
            // Someone else deletes them.
            break;
        }
    }
    if count > 0 {
        let what = mcpo_common::text::count(count, "record");
        context
            .ui
            .step("Deleted", format_args!("{what} of the preview {tag}"));
    }
    Ok(())
}
