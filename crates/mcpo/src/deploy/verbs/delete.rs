//! Removes a service and everything that was made for it, after asking.

use std::{io::BufRead as _, time::Duration};

use serde_json::Value;

use super::Context;
use crate::{
    deploy::{
        google::{
            During as _, Request, Trouble,
            method::{self, Method},
        },
        plan::LABEL,
        settings::{Ledger, SecretSource},
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
    if !is_confirmed && !confirm(context)? {
        context.ui.say("nothing was removed");
        return Ok(Exit::CouldNotRun);
    }
    for one in doomed {
        remove(context, &one).await?;
        context.ui.step("Removed", &one.what);
    }
    Ok(Exit::Success)
}

/// Everything that is there and was made by us.
async fn find(context: &Context<'_>, disabled: &[&str]) -> Outcome<Vec<Doomed>> {
    let (google, names, settings) = (&context.google, &context.names, &context.settings);
    let is_on = |api: &str| {
        !disabled
            .iter()
            .any(|name| name.starts_with(&format!("{api}.")))
    };
    let mut doomed = Vec::new();
    let during = "failed to look for what is there";
    if is_on("run") {
        let service = google
            .find(&method::SERVICE_GET, &format!("v2/{}", names.service()))
            .await
            .during(during)?;
        if let Some(service) = service {
            if !is_ours(&service) {
                return Err(Failure::new(format!(
                    "the service {} was not made by mcpo",
                    names.service_id
                ))
                .hint("remove it where it was made"));
            }
            doomed.push(Doomed {
                what: format!("service {}, with all of its revisions", names.service_id),
                method: method::SERVICE_DELETE,
                path: format!("v2/{}", names.service()),
            });
        }
    }
    if is_on("artifactregistry") {
        doomed.push(Doomed {
            what: format!(
                "images of {} in the repository {}",
                names.service_id,
                names.repository_id()
            ),
            method: method::PACKAGE_DELETE,
            path: format!("v1/{}", names.package()),
        });
        let repository = google
            .find(
                &method::REPOSITORY_GET,
                &format!("v1/{}", names.repository()),
            )
            .await;
        if repository.during(during)?.is_none() {
            doomed.pop();
        }
    }
    if is_on("secretmanager") {
        let ours = settings
            .secrets
            .iter()
            .filter(|setting| !matches!(setting.source, SecretSource::Existing { .. }));
        for setting in ours {
            let id = names.secret_of(setting);
            let path = format!("v1/{}", names.secret(&id));
            let secret = google
                .find(&method::SECRET_GET, &path)
                .await
                .during(during)?;
            if secret.is_some_and(|secret| is_ours(&secret)) {
                doomed.push(Doomed {
                    what: format!("secret {id}"),
                    method: method::SECRET_DELETE,
                    path,
                });
            }
        }
    }
    if is_on("storage") && settings.ledger == Ledger::Bucket {
        let name = names.bucket("ledger");
        let path = format!("storage/v1/b/{name}");
        let bucket = google
            .find(&method::BUCKET_GET, &path)
            .await
            .during(during)?;
        if bucket.is_some_and(|bucket| {
            is_ours(&bucket) && bucket["projectNumber"] == names.number.to_string()
        }) {
            doomed.push(Doomed {
                what: format!("bucket {name}: everybody has to sign in again"),
                method: method::BUCKET_DELETE,
                path,
            });
        }
    }
    if is_on("iam") && settings.service_account.is_none() {
        let email = names.account_email();
        let path = format!("v1/projects/{}/serviceAccounts/{email}", names.project);
        if google
            .find(&method::ACCOUNT_GET, &path)
            .await
            .during(during)?
            .is_some()
        {
            doomed.push(Doomed {
                what: format!("service account {email}"),
                method: method::ACCOUNT_DELETE,
                path,
            });
        }
    }
    Ok(doomed)
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
fn confirm(context: &Context<'_>) -> Outcome<bool> {
    let name = &context.names.service_id;
    if !console::user_attended_stderr() || !context.ui.is_terminal() {
        return Err(Failure::new("nobody is there to be asked")
            .hint("add --yes if it is to be removed without asking"));
    }
    context.ui.say(format_args!(
        "Type the service's name to remove all of it ({name}):"
    ));
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new("failed to read the answer").because(&error))?;
    Ok(line.trim() == name)
}
