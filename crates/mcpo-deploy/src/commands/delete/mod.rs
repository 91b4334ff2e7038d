//! Deletes a service and everything that was created for it, after a confirmation.

mod find;

use std::time::Duration;

use mcpo_common::error::{Exit, Failure, Outcome};
use serde::de::IgnoredAny;

use self::find::{Found, ResourceToDelete, find};
use super::Context;
use crate::{
    args::DeployArgs,
    confirm::{can_ask, confirm},
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{
            Operation,
            storage::{Objects, object_path},
        },
        method,
    },
    plan::Line,
    release, report,
};

const DELETE_TIMEOUT: Duration = Duration::from_secs(180);
/// Deleting a Memorystore instance takes minutes.
const INSTANCE_TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// Finds the resources, lists them, asks for confirmation and deletes them.
pub async fn delete(context: &Context<'_>, args: &DeployArgs, disabled: &[&str]) -> Outcome {
    let Found {
        to_delete,
        kept,
        shared,
    } = find(context, disabled).await?;
    let lines: Vec<_> = to_delete.iter().map(ResourceToDelete::line).collect();
    let names = &context.names;
    for what in &kept {
        context
            .ui
            .warn(format_args!("not deleting {what}: mcpo did not create it"));
    }
    if args.dry_run {
        report::plan(context, &lines);
        return Ok(report::dry_run(args.json, context, &lines));
    }
    if to_delete.is_empty() {
        context.ui.step(
            "Unchanged",
            format_args!(
                "there are no resources of {} in {}",
                names.service_id, names.region
            ),
        );
        tell(context, args, "unchanged", &lines);
        return Ok(Exit::Success);
    }
    context.ui.say(format_args!(
        "This permanently deletes, from {} in {}:",
        names.project, names.region
    ));
    for one in &to_delete {
        context.ui.say(format_args!("  - {}", one.what));
    }
    if !args.yes && !is_confirmed(context).await? {
        context.ui.say("nothing was deleted");
        return Ok(Exit::CouldNotRun);
    }
    for one in to_delete {
        remove(context, &one).await?;
        context.ui.step("Deleted", &one.what);
    }
    if let Some(shared) = shared {
        context.ui.say(format_args!(
            "The {shared} is kept because other services may use it. To delete it: gcloud artifacts repositories delete {} --location {} --project {}",
            names.repository_id(),
            names.region,
            names.project
        ));
    }
    tell(context, args, "deleted", &lines);
    Ok(Exit::Success)
}

fn tell(context: &Context<'_>, args: &DeployArgs, outcome: &str, lines: &[Line]) {
    if args.json {
        let document = report::plan_as_json(context, lines, outcome);
        context.ui.result(document);
    }
}

async fn remove(context: &Context<'_>, to_delete: &ResourceToDelete) -> Outcome<()> {
    let during = || format!("failed to delete {}", to_delete.what);
    if to_delete.method.id == method::BUCKET_DELETE.id {
        empty_bucket(context, &to_delete.path).await?;
    }
    if to_delete.method.id == method::PROJECT_GRANT.id {
        return release::revoke_sql(context, &to_delete.path).await;
    }
    let request = Request {
        query: to_delete.query,
        ..Request::to(&to_delete.path)
    };
    if to_delete.method.id == method::DOMAIN_MAPPING_DELETE.id {
        // Version 1 of the API answers with a status instead of an operation.
        return match context.google.call(&to_delete.method, request).await {
            Ok(IgnoredAny) | Err(GoogleError::NotFound(_)) => Ok(()),
            Err(google_error) => Err(google_error).during(during()),
        };
    }
    // Some methods answer with an operation, others with an empty message or without a body.
    let operation: Option<Operation> = match context.google.call(&to_delete.method, request).await {
        Err(GoogleError::NotFound(_)) => return Ok(()),
        answered => answered.during(during())?,
    };
    let operation = operation.unwrap_or_default();
    let waited = match to_delete.method.host {
        "run.googleapis.com" => wait(context, &method::RUN_OPERATION, "v2", operation).await,
        "redis.googleapis.com" => wait(context, &method::INSTANCE_OPERATION, "v1", operation).await,
        "artifactregistry.googleapis.com" => {
            wait(context, &method::REPOSITORY_OPERATION, "v1", operation).await
        }
        _ => Ok(()),
    };
    waited.during(during())
}

async fn wait(
    context: &Context<'_>,
    method: &method::Method,
    version: &str,
    operation: Operation,
) -> Result<(), GoogleError> {
    let path = |name: &str| format!("{version}/{name}");
    let timeout = if method.host == "redis.googleapis.com" {
        INSTANCE_TIMEOUT
    } else {
        DELETE_TIMEOUT
    };
    let finished = context.google.finish(method, path, operation, timeout);
    finished.await
}

/// Deletes all objects. Only empty buckets can be deleted.
async fn empty_bucket(context: &Context<'_>, bucket: &str) -> Outcome<()> {
    let during = "failed to empty the bucket";
    loop {
        let path = format!("{bucket}/o");
        let page = context.google.get(&method::OBJECTS_LIST, &path).await;
        let page: Objects = page.during(during)?;
        if page.items.is_empty() {
            return Ok(());
        }
        for object in page.items {
            let path = object_path(bucket, &object.name);
            let removed = context
                .google
                .call(&method::OBJECT_DELETE, Request::to(&path))
                .await;
            match removed {
                Err(GoogleError::NotFound(_)) => {}
                removed => removed.map(|IgnoredAny| ()).during(during)?,
            }
        }
    }
}

/// Asks for confirmation on the terminal. Fails if there is no terminal.
async fn is_confirmed(context: &Context<'_>) -> Outcome<bool> {
    if !can_ask(context) {
        return Err(
            Failure::new("cannot ask for confirmation without a terminal")
                .hint("add --yes to delete without confirmation"),
        );
    }
    confirm(context, "Type the service's name to delete everything").await
}
