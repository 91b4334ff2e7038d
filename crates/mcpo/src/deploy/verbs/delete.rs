//! Removes a service and everything that was made for it, after asking.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, IsTerminal as _},
    time::Duration,
};

use serde_json::Value;

use super::Context;
use crate::{
    deploy::{
        google::{
            During as _, Request, Trouble,
            method::{self, Method},
        },
        plan::LABEL,
        settings::{KEY_RING, Ledger, PASSWORD, SecretSource},
    },
    error::{Exit, Failure, Outcome},
};

const PATIENCE: Duration = Duration::from_secs(180);

/// One thing to remove.
struct Doomed {
    what: String,
    method: Method,
    path: String,
}

/// Looks, lists, asks, removes.
pub async fn delete(context: &Context<'_>, is_confirmed: bool, disabled: &[&str]) -> Outcome {
    let doomed = find(context, disabled).await?;
    let names = &context.names;
    if doomed.is_empty() {
        context.ui.step(
            "Unchanged",
            format_args!("nothing of {} is in {}", names.service_id, names.region),
        );
        return Ok(Exit::Success);
    }
    context.ui.say(format_args!(
        "This removes for good, from {} in {}:",
        names.project, names.region
    ));
    for one in &doomed {
        context.ui.say(format_args!("  - {}", one.what));
    }
    if !is_confirmed && !confirm(context).await? {
        context.ui.say("nothing was removed");
        return Ok(Exit::CouldNotRun);
    }
    for one in doomed {
        remove(context, &one).await?;
        context.ui.step("Removed", &one.what);
    }
    Ok(Exit::Success)
}

/// Everything that is there and was made by us, in the order in which it can go.
async fn find(context: &Context<'_>, disabled: &[&str]) -> Outcome<Vec<Doomed>> {
    let is_on = |api: &str| {
        let prefix = format!("{api}.");
        !disabled.iter().any(|name| name.starts_with(&prefix))
    };
    let mut doomed = Vec::new();
    if is_on("run") {
        doomed.extend(service(context).await?);
    }
    if is_on("artifactregistry") {
        doomed.extend(images(context).await?);
    }
    if is_on("secretmanager") {
        doomed.extend(secrets(context).await?);
    }
    if is_on("storage") {
        let ledger = "everybody has to sign in again";
        if context.settings.ledger == Ledger::Bucket {
            doomed.extend(bucket(context, "ledger", ledger).await?);
        }
        doomed.extend(bucket(context, "source", "source of builds").await?);
    }
    if is_on("iam") && context.settings.service_account.is_none() {
        doomed.extend(account(context).await?);
    }
    Ok(doomed)
}

async fn look(context: &Context<'_>, method: &Method, path: &str) -> Outcome<Option<Value>> {
    let found = context.google.find(method, path).await;
    found.during("failed to look for what is there")
}

async fn service(context: &Context<'_>) -> Outcome<Option<Doomed>> {
    let names = &context.names;
    let path = format!("v2/{}", names.service());
    let Some(service) = look(context, &method::SERVICE_GET, &path).await? else {
        return Ok(None);
    };
    if !is_ours(&service) {
        let what = format!("the service {} was not made by mcpo", names.service_id);
        return Err(Failure::new(what).hint("remove it where it was made"));
    }
    Ok(Some(Doomed {
        what: format!("service {}, with all of its revisions", names.service_id),
        method: method::SERVICE_DELETE,
        path,
    }))
}

async fn images(context: &Context<'_>) -> Outcome<Option<Doomed>> {
    let names = &context.names;
    let path = format!("v1/{}", names.repository());
    let repository = look(context, &method::REPOSITORY_GET, &path).await?;
    let (service, id) = (&names.service_id, names.repository_id());
    Ok(repository.map(|_| Doomed {
        what: format!("images of {service} in the repository {id}"),
        method: method::PACKAGE_DELETE,
        path: format!("v1/{}", names.package()),
    }))
}

async fn secrets(context: &Context<'_>) -> Outcome<Vec<Doomed>> {
    let mut doomed = Vec::new();
    for id in secret_ids(context) {
        let path = format!("v1/{}", context.names.secret(&id));
        let secret = look(context, &method::SECRET_GET, &path).await?;
        if secret.is_some_and(|secret| is_ours(&secret)) {
            doomed.push(Doomed {
                what: format!("secret {id}"),
                method: method::SECRET_DELETE,
                path,
            });
        }
    }
    Ok(doomed)
}

async fn bucket(context: &Context<'_>, purpose: &str, loss: &str) -> Outcome<Option<Doomed>> {
    let name = context.names.bucket(purpose);
    let path = format!("storage/v1/b/{name}");
    let found = look(context, &method::BUCKET_GET, &path).await?;
    let found = found.filter(|bucket| is_ours(bucket) && context.names.owns(bucket));
    Ok(found.map(|_| Doomed {
        what: format!("bucket {name}: {loss}"),
        method: method::BUCKET_DELETE,
        path,
    }))
}

async fn account(context: &Context<'_>) -> Outcome<Option<Doomed>> {
    let email = context.names.account_email();
    let project = &context.names.project;
    let path = format!("v1/projects/{project}/serviceAccounts/{email}");
    let account = look(context, &method::ACCOUNT_GET, &path).await?;
    Ok(account.map(|_| Doomed {
        what: format!("service account {email}"),
        method: method::ACCOUNT_DELETE,
        path,
    }))
}

/// The secrets that are or may have been made for the service.
fn secret_ids(context: &Context<'_>) -> BTreeSet<String> {
    let variables = context
        .settings
        .secrets
        .iter()
        .filter(|setting| !matches!(setting.source, SecretSource::Existing { .. }))
        .map(|setting| setting.variable.as_str());
    variables
        .chain([KEY_RING, PASSWORD])
        .map(|variable| context.names.secret_id(variable))
        .collect()
}

fn is_ours(resource: &Value) -> bool {
    resource["labels"][LABEL.0] == LABEL.1
}

async fn remove(context: &Context<'_>, doomed: &Doomed) -> Outcome<()> {
    let during = || format!("failed to remove {}", doomed.what);
    if doomed.method.id == method::BUCKET_DELETE.id {
        empty_bucket(context, &doomed.path).await?;
    }
    let removed = context
        .google
        .call(
            &doomed.method,
            Request {
                path: &doomed.path,
                ..Request::default()
            },
        )
        .await;
    match removed {
        Err(Trouble::NotFound(_)) => Ok(()),
        Err(trouble) => Err(trouble).during(during()),
        Ok(operation) if doomed.method.id == method::SERVICE_DELETE.id => {
            let path = |name: &str| format!("v2/{name}");
            context
                .google
                .finish(&method::RUN_OPERATION, path, operation, PATIENCE)
                .await
                .during(during())?;
            Ok(())
        }
        Ok(operation) if doomed.method.id == method::PACKAGE_DELETE.id => {
            let path = |name: &str| format!("v1/{name}");
            context
                .google
                .finish(&method::REPOSITORY_OPERATION, path, operation, PATIENCE)
                .await
                .during(during())?;
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Only empty buckets can be removed.
async fn empty_bucket(context: &Context<'_>, bucket: &str) -> Outcome<()> {
    let during = "failed to empty the ledger's bucket";
    loop {
        let page = context
            .google
            .get(&method::OBJECTS_LIST, &format!("{bucket}/o"))
            .await
            .during(during)?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        if items.is_empty() {
            return Ok(());
        }
        for item in items {
            let name = item["name"].as_str().unwrap_or_default();
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            let path = format!("{bucket}/o/{}", name.replace('+', "%20"));
            let removed = context
                .google
                .call(
                    &method::OBJECT_DELETE,
                    Request {
                        path: &path,
                        ..Request::default()
                    },
                )
                .await;
            if !matches!(removed, Err(Trouble::NotFound(_))) {
                removed.during(during)?;
            }
        }
    }
}

/// Asks at the terminal; without one, nobody can have meant it.
async fn confirm(context: &Context<'_>) -> Outcome<bool> {
    let name = &context.names.service_id;
    if !std::io::stdin().is_terminal() || !context.ui.is_terminal() {
        return Err(Failure::new("nobody is there to be asked")
            .hint("add --yes if it is to be removed without asking"));
    }
    context.ui.say(format_args!(
        "Type the service's name to remove all of it ({name}):"
    ));
    // On a thread of its own, so that Ctrl-C is heard meanwhile.
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = read.await.map_err(std::io::Error::other).flatten();
    let line = line.map_err(|error| Failure::new("failed to read the answer").because(&error))?;
    Ok(line.trim() == name)
}
