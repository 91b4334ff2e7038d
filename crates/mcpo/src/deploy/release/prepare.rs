//! Everything that has to be there before a service can be released. Whatever is there already
//! counts as made, so that a run goes on where an earlier one ended.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::grant;
use crate::{
    deploy::{
        bucket,
        context::Context,
        google::{During as _, Request, Trouble, method},
        names::ACCOUNT_DESCRIPTION,
        plan::{LABEL, LEDGER_DAYS, Plan, SecretChange},
    },
    error::Outcome,
};

const ENABLING: Duration = Duration::from_secs(300);
const CREATING: Duration = Duration::from_secs(120);

/// Enables what is not enabled.
pub async fn enable(context: &Context<'_>, apis: &[&'static str]) -> Outcome<()> {
    if apis.is_empty() {
        return Ok(());
    }
    let during = "failed to enable APIs";
    let progress = context.ui.spinner(format!("enabling {} APIs", apis.len()));
    let body = json!({ "serviceIds": apis });
    let path = format!("v1/projects/{}/services:batchEnable", context.names.project);
    let request = Request {
        path: &path,
        query: &[],
        body: Some(&body),
    };
    let operation = context
        .google
        .call(&method::APIS_ENABLE, request)
        .await
        .during(during)?;
    let path = |name: &str| format!("v1/{name}");
    let done = context
        .google
        .finish(&method::APIS_OPERATION, path, operation, ENABLING)
        .await;
    progress.finish_and_clear();
    done.during(during)?;
    context.google.expect_propagation();
    context
        .ui
        .step("Enabled", format_args!("{} APIs", apis.len()));
    Ok(())
}

/// The repository that images go to.
pub async fn repository(context: &Context<'_>, plan: &Plan) -> Outcome<()> {
    if !plan.makes_repository {
        return Ok(());
    }
    let names = &context.names;
    let during = "failed to make the image repository";
    let body = json!({
        "format": "DOCKER",
        "description": "Images of MCP servers, made by mcpo deploy",
        "labels": { LABEL.0: LABEL.1 },
    });
    let path = format!("v1/{}/repositories", names.location());
    let query = [("repositoryId", names.repository_id())];
    let request = Request {
        path: &path,
        query: &query,
        body: Some(&body),
    };
    match context
        .google
        .call(&method::REPOSITORY_CREATE, request)
        .await
    {
        Ok(operation) => {
            let path = |name: &str| format!("v1/{name}");
            let done = context
                .google
                .finish(&method::REPOSITORY_OPERATION, path, operation, CREATING)
                .await;
            done.during(during)?;
            context
                .made
                .add(format!("image repository {}", names.repository_id()));
            Ok(())
        }
        Err(Trouble::Exists(_)) => Ok(()),
        Err(trouble) => Err(trouble).during(during),
    }
}

/// The account, what it may do, and the secrets.
pub async fn identity_and_state(
    context: &Context<'_>,
    plan: &Plan,
) -> Outcome<Vec<(String, String, String)>> {
    let secrets = plan.secrets.iter().map(|change| secret(context, change));
    let secrets = futures_util::future::try_join_all(secrets);
    let (versions, (), ()) =
        tokio::try_join!(secrets, account(context, plan), ledger(context, plan))?;
    let grants = plan.grants.iter().map(|id| grant::secret(context, id));
    let grants = async { futures_util::future::try_join_all(grants).await.map(|_| ()) };
    let labels = plan.labels.iter().map(|change| label(context, change));
    let labels = async { futures_util::future::try_join_all(labels).await.map(|_| ()) };
    let ledger_grant = async {
        if plan.grants_bucket {
            grant::bucket(context).await
        } else {
            Ok(())
        }
    };
    tokio::try_join!(grants, labels, ledger_grant)?;
    Ok(versions)
}

async fn account(context: &Context<'_>, plan: &Plan) -> Outcome<()> {
    if !plan.makes_account {
        return Ok(());
    }
    let names = &context.names;
    let body = json!({
        "accountId": names.account_id(),
        "serviceAccount": {
            "displayName": format!("MCP server {}", names.service_id),
            "description": ACCOUNT_DESCRIPTION,
        },
    });
    let path = format!("v1/projects/{}/serviceAccounts", names.project);
    let request = Request {
        path: &path,
        query: &[],
        body: Some(&body),
    };
    match context.google.call(&method::ACCOUNT_CREATE, request).await {
        Ok(_) => context
            .made
            .add(format!("service account {}", names.account_email())),
        Err(Trouble::Exists(_)) => {}
        Err(trouble) => return Err(trouble).during("failed to make the service account"),
    }
    Ok(())
}

/// Makes a secret and adds a version; returns the variable, the secret's id and the version.
async fn secret(context: &Context<'_>, change: &SecretChange) -> Outcome<(String, String, String)> {
    let (google, names) = (&context.google, &context.names);
    let during = || format!("failed to keep the secret {}", change.id);
    if change.is_new {
        let body = json!({
            "replication": { "automatic": {} },
            "labels": names.labels(),
        });
        let path = format!("v1/projects/{}/secrets", names.project);
        let query = [("secretId", change.id.as_str())];
        let request = Request {
            path: &path,
            query: &query,
            body: Some(&body),
        };
        match google.call(&method::SECRET_CREATE, request).await {
            Ok(_) => context.made.add(format!("secret {}", change.id)),
            Err(Trouble::Exists(_)) => {}
            Err(trouble) => return Err(trouble).during(during()),
        }
    }
    let data = change.value.expose().as_bytes();
    let body = json!({ "payload": {
        "data": BASE64_STANDARD.encode(data),
        "dataCrc32c": crc32c::crc32c(data).to_string(),
    } });
    let path = format!("v1/{}:addVersion", names.secret(&change.id));
    let request = Request {
        path: &path,
        query: &[],
        body: Some(&body),
    };
    let version = google
        .call(&method::SECRET_ADD, request)
        .await
        .during(during())?;
    let number = version["name"]
        .as_str()
        .and_then(|name| name.rsplit('/').next())
        .unwrap_or_default();
    Ok((
        change.variable.clone(),
        change.id.clone(),
        number.to_owned(),
    ))
}

/// Lets a secret say which service it belongs to.
async fn label(
    context: &Context<'_>,
    (id, etag, labels): &(String, Value, Map<String, Value>),
) -> Outcome<()> {
    let path = format!("v1/{}", context.names.secret(id));
    let request = Request {
        path: &path,
        query: &[("updateMask", "labels")],
        body: Some(&json!({ "labels": labels, "etag": etag })),
    };
    let written = context.google.call(&method::SECRET_LABEL, request).await;
    written
        .map(|_| ())
        .during(format!("failed to label the secret {id}"))
}

async fn ledger(context: &Context<'_>, plan: &Plan) -> Outcome<()> {
    if plan.makes_bucket {
        bucket::make(context, bucket::LEDGER, LEDGER_DAYS).await
    } else if let Some(old) = &plan.old_bucket {
        bucket::let_what_is_over_go(context, old).await
    } else {
        Ok(())
    }
}
