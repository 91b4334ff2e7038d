//! Creates everything that a service needs before it can be released. Existing resources count as
//! created, so that a run continues where an earlier one ended.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcpo_common::error::Outcome;
use serde::de::IgnoredAny;

use super::grant;
use crate::{
    bucket,
    context::Context,
    google::{
        ErrorContext as _, GoogleError, Request,
        api::{
            IntString, Labels, Operation,
            artifact_registry::Repository,
            iam::{CreateServiceAccountRequest, ServiceAccount},
            last_segment,
            run::{Container, RevisionTemplate, Service},
            secret_manager::{AddSecretVersionRequest, Secret, SecretPayload, SecretVersion},
            service_usage::BatchEnableServicesRequest,
        },
        method,
    },
    labels::{LABEL, NOT_SHOWN, SHOWN, SHOWN_LABEL},
    memorystore,
    names::ACCOUNT_DESCRIPTION,
    plan::{LEDGER_DAYS, LabelChange, Plan, SecretChange},
    settings::{LEDGER, Replication},
};

const ENABLING: Duration = Duration::from_secs(300);
const CREATING: Duration = Duration::from_secs(120);
/// The organization policy that restricts the locations of resources.
const LOCATION_CONSTRAINT: &str = "gcp.resourceLocations";
/// The organization policies that forbid public services.
const PUBLIC_ACCESS_CONSTRAINTS: [&str; 2] =
    ["requireInvokerIam", "iam.allowedPolicyMemberDomains"];

/// Enables the APIs that are disabled.
pub async fn enable(context: &Context<'_>, apis: &[&'static str]) -> Outcome<()> {
    if apis.is_empty() {
        return Ok(());
    }
    let during = "failed to enable APIs";
    let progress = context.ui.spinner(format!("enabling {} APIs", apis.len()));
    let body = BatchEnableServicesRequest { service_ids: apis };
    let path = format!("v1/projects/{}/services:batchEnable", context.names.project);
    let request = Request::with_body(&path, &body);
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

/// Fails early if an organization policy forbids public services. Sends a validate-only request for
/// a similar service, which creates nothing. All other refusals are ignored, because the actual
/// request reports them with the right context.
pub async fn check_public_access(context: &Context<'_>, current: Option<&Service>) -> Outcome<()> {
    let (settings, names) = (&context.settings, &context.names);
    let is_public_already =
        current.is_some_and(|current| current.invoker_iam_disabled == Some(true));
    if settings.is_private || is_public_already {
        return Ok(());
    }
    let container = Container {
        image: "us-docker.pkg.dev/cloudrun/container/hello".to_owned(),
        ..Container::default()
    };
    let body = Service {
        invoker_iam_disabled: Some(true),
        ingress: settings.ingress.to_owned(),
        template: Some(RevisionTemplate {
            containers: vec![container],
            ..RevisionTemplate::default()
        }),
        ..Service::default()
    };
    let path = format!("v2/{}/services", names.location());
    // Not the service's own name, which may exist.
    let id = format!(
        "{}-check",
        names.service_id.get(..40).unwrap_or(&names.service_id)
    );
    let request = Request {
        query: &[("serviceId", id.as_str()), ("validateOnly", "true")],
        ..Request::with_body(&path, &body)
    };
    let checked = context.google.call(&method::SERVICE_CREATE, request).await;
    let google_error = match checked {
        Ok(IgnoredAny) => return Ok(()),
        Err(google_error) => google_error,
    };
    let is_forbidden = google_error.refusal().is_some_and(|refusal| {
        let mut constraints = PUBLIC_ACCESS_CONSTRAINTS.iter();
        constraints.any(|constraint| refusal.names_constraint(constraint))
    });
    if !is_forbidden {
        return Ok(());
    }
    let command = context.invocation.with("--private");
    Err(google_error
        .into_failure("the organization forbids services that anyone can reach")
        .hint(format!(
            "require IAM authentication: {command}; claude.ai cannot authenticate with IAM, so for claude.ai ask \
             an administrator to exempt this project from the constraint, or deploy to a project that it \
             does not cover"
        )))
}

/// Records at the password's secret that it was shown. A failure does not fail the deployment.
pub async fn note_shown(context: &Context<'_>, id: &str, known: Option<&LabelChange>) {
    let body = match known {
        Some(known) => Secret {
            labels: known.labels.clone(),
            etag: known.etag.clone(),
            ..Secret::default()
        },
        None => {
            let mut labels = context.names.labels_of_secret(id);
            labels.insert(SHOWN_LABEL.to_owned(), SHOWN.to_owned());
            Secret {
                labels,
                ..Secret::default()
            }
        }
    };
    if let Err(google_error) = write_labels(context, id, &body).await {
        context.ui.warn(format_args!(
            "the next deployment will show the password again: {google_error}"
        ));
    }
}

/// Replaces the labels of a secret.
async fn write_labels(context: &Context<'_>, id: &str, body: &Secret) -> Result<(), GoogleError> {
    let path = format!("v1/{}", context.names.secret(id));
    let request = Request {
        query: &[("updateMask", "labels")],
        ..Request::with_body(&path, body)
    };
    let written = context.google.call(&method::SECRET_LABEL, request).await;
    written.map(|IgnoredAny| ())
}

/// Creates the image repository.
pub async fn repository(context: &Context<'_>, plan: &Plan) -> Outcome<()> {
    if !plan.makes_repository {
        return Ok(());
    }
    let names = &context.names;
    let during = "failed to create the image repository";
    let body = Repository {
        format: "DOCKER",
        description: "Images of MCP servers, made by mcpo deploy",
        labels: Labels::from([(LABEL.0.to_owned(), LABEL.1.to_owned())]),
        kms_key_name: context.settings.encryption_key.clone(),
    };
    let path = format!("v1/{}/repositories", names.location());
    let query = [("repositoryId", names.repository_id())];
    let request = Request {
        query: &query,
        ..Request::with_body(&path, &body)
    };
    let begun = context
        .made
        .begin(format!("image repository {}", names.repository_id()));
    let create = context.google.call(&method::REPOSITORY_CREATE, request);
    match create.await {
        Ok::<Operation, _>(operation) => {
            let path = |name: &str| format!("v1/{name}");
            let done = context
                .google
                .finish(&method::REPOSITORY_OPERATION, path, operation, CREATING)
                .await;
            done.during(during)?;
            begun.done();
            Ok(())
        }
        Err(GoogleError::Exists(_)) => {
            begun.not_made();
            Ok(())
        }
        Err(google_error) => {
            begun.not_made();
            Err(google_error).during(during)
        }
    }
}

/// Creates the account, its permissions and the secrets.
pub async fn identity_and_state(
    context: &Context<'_>,
    plan: &Plan,
) -> Outcome<Vec<(String, String, String)>> {
    let is_of_instance =
        |change: &&SecretChange| change.variable == LEDGER && change.value.expose().is_empty();
    let secrets = plan.secrets.iter().filter(|change| !is_of_instance(change));
    let secrets = secrets.map(|change| secret(context, change));
    let secrets = futures_util::future::try_join_all(secrets);
    let of_instance = plan.secrets.iter().find(is_of_instance);
    let (mut versions, (), (), of_instance) = tokio::try_join!(
        secrets,
        account(context, plan),
        ledger(context, plan),
        secret_of_instance(context, plan, of_instance)
    )?;
    versions.extend(of_instance);
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
    let projects = plan.sql_grants.iter();
    let sql_grants = projects.map(|project| grant::project(context, project));
    let sql_grants = async {
        futures_util::future::try_join_all(sql_grants)
            .await
            .map(|_| ())
    };
    tokio::try_join!(grants, labels, ledger_grant, sql_grants)?;
    Ok(versions)
}

/// Waits until the ledger's Memorystore instance is ready, and stores its address.
async fn secret_of_instance(
    context: &Context<'_>,
    plan: &Plan,
    change: Option<&SecretChange>,
) -> Outcome<Option<(String, String, String)>> {
    let Some(change) = change else {
        return Ok(None);
    };
    let address = memorystore::ensure(context, plan.makes_instance).await?;
    let change = SecretChange {
        value: address,
        ..change.clone()
    };
    secret(context, &change).await.map(Some)
}

async fn account(context: &Context<'_>, plan: &Plan) -> Outcome<()> {
    if !plan.makes_account {
        return Ok(());
    }
    let names = &context.names;
    let body = CreateServiceAccountRequest {
        account_id: names.account_id(),
        service_account: ServiceAccount {
            display_name: format!("MCP server {}", names.service_id),
            description: ACCOUNT_DESCRIPTION.to_owned(),
        },
    };
    let path = format!("v1/projects/{}/serviceAccounts", names.project);
    let request = Request::with_body(&path, &body);
    let begun = context
        .made
        .begin(format!("service account {}", names.account_email()));
    match context.google.call(&method::ACCOUNT_CREATE, request).await {
        Ok(IgnoredAny) => begun.done(),
        Err(GoogleError::Exists(_)) => begun.not_made(),
        Err(google_error) => {
            begun.not_made();
            return Err(google_error).during("failed to create the service account");
        }
    }
    Ok(())
}

/// Creates a secret and adds a version. Returns the variable, the secret's id and the version.
async fn secret(context: &Context<'_>, change: &SecretChange) -> Outcome<(String, String, String)> {
    let (google, names) = (&context.google, &context.names);
    let during = || format!("failed to store the secret {}", change.id);
    if change.is_new {
        make_secret(context, change).await.during(during())?;
    }
    let data = change.value.expose().as_bytes();
    let body = AddSecretVersionRequest {
        payload: SecretPayload {
            data: BASE64_STANDARD.encode(data),
            data_crc32c: Some(IntString(i64::from(crc32c::crc32c(data)))),
        },
    };
    let path = format!("v1/{}:addVersion", names.secret(&change.id));
    let request = Request::with_body(&path, &body);
    let version = google.call(&method::SECRET_ADD, request).await;
    let version: SecretVersion = version.during(during())?;
    Ok((
        change.variable.clone(),
        change.id.clone(),
        last_segment(&version.name).to_owned(),
    ))
}

/// Creates a secret without a version. If the organization restricts locations, the secret is
/// stored in the service's region.
async fn make_secret(context: &Context<'_>, change: &SecretChange) -> Result<(), GoogleError> {
    let (google, names) = (&context.google, &context.names);
    let mut labels = names.labels_of_secret(&change.id);
    if change.is_to_be_shown() {
        labels.insert(SHOWN_LABEL.to_owned(), NOT_SHOWN.to_owned());
    }
    let path = format!("v1/projects/{}/secrets", names.project);
    let query = [("secretId", change.id.as_str())];
    let begun = context.made.begin(format!("secret {}", change.id));
    let mut replication = context.settings.secret_replication;
    let key = context.settings.encryption_key.as_deref();
    loop {
        let body = Secret {
            replication: Some(replication.for_region(&names.region, key)),
            labels: labels.clone(),
            ..Secret::default()
        };
        let request = Request {
            query: &query,
            ..Request::with_body(&path, &body)
        };
        match google.call(&method::SECRET_CREATE, request).await {
            Ok(IgnoredAny) => {
                begun.done();
                return Ok(());
            }
            Err(GoogleError::Exists(_)) => {
                begun.not_made();
                return Ok(());
            }
            Err(google_error)
                if replication == Replication::Automatic
                    && google_error
                        .refusal()
                        .is_some_and(|refusal| refusal.names_constraint(LOCATION_CONSTRAINT)) =>
            {
                context.ui.warn(format_args!(
                    "the organization restricts the locations of secrets: {} is stored in {}",
                    change.id, names.region
                ));
                replication = Replication::Region;
            }
            Err(google_error) => {
                begun.not_made();
                return Err(google_error);
            }
        }
    }
}

/// Adds the labels of its service to a secret.
async fn label(context: &Context<'_>, change: &LabelChange) -> Outcome<()> {
    let body = Secret {
        labels: change.labels.clone(),
        etag: change.etag.clone(),
        ..Secret::default()
    };
    let written = write_labels(context, &change.id, &body).await;
    written.during(format!("failed to label the secret {}", change.id))
}

async fn ledger(context: &Context<'_>, plan: &Plan) -> Outcome<()> {
    if plan.makes_bucket {
        bucket::make(context, bucket::LEDGER, LEDGER_DAYS).await
    } else if let Some(old) = &plan.old_bucket {
        bucket::correct_rules(context, old).await
    } else {
        Ok(())
    }
}
