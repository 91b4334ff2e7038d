//! Reads the current state of the project. Only sends read requests.

use std::{collections::BTreeMap, time::SystemTime};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};

use super::{generated_secret, left_over, sql};
use crate::{
    bucket,
    google::{
        ErrorContext as _, Google, Request,
        api::{
            iam::Policy,
            last_segment,
            resource_manager::Project,
            run::Service,
            secret_manager::{
                AccessSecretVersionResponse, Secret as SecretResource, SecretPayload,
                SecretVersion, VersionState,
            },
            service_usage::{ApiState, BatchGetServicesResponse},
            storage::Bucket,
        },
        method,
    },
    labels::{NOT_SHOWN, SHOWN_LABEL, are_ours},
    memorystore::{self, SeenInstance},
    names::Names,
    preview::{self, Removal, Scope},
    settings::{Ledger, SecretSetting, SecretSource, Settings},
};

/// The state of the project that is relevant to a deployment.
#[derive(Debug, Default)]
pub struct Observed {
    pub disabled: Vec<&'static str>,
    pub has_repository: bool,
    pub has_account: bool,
    /// By id.
    pub secrets: BTreeMap<String, SeenSecret>,
    pub bucket: Option<Bucket>,
    pub bucket_policy: Policy,
    /// The Memorystore instance of the ledger; `None` if the ledger is elsewhere.
    pub instance: Option<SeenInstance>,
    /// The policies of the projects with the Cloud SQL instances, by project. A policy that the
    /// caller may not read is missing.
    pub sql_policies: BTreeMap<String, Policy>,
    pub service: Option<Service>,
    /// Versions of generated secrets that are ignored: the secret's id and the version.
    pub unused: Vec<(String, String)>,
    /// The step of a key rotation that this deployment performs, as text.
    pub rotation: Option<&'static str>,
    /// The ids of this service's secrets that no setting refers to.
    pub left_over: Vec<String>,
    /// For the deployment of a preview.
    pub preview: preview::Seen,
}

/// A secret that exists.
#[derive(Debug, Default)]
pub struct SeenSecret {
    /// The secret itself, if it is managed by mcpo but has no labels of a service.
    pub unlabelled: Option<SecretResource>,
    /// The secret itself, if it holds a generated password that has not been shown.
    pub unseen: Option<SecretResource>,
    pub policy: Policy,
    /// The version to use, and its value if it was read.
    pub latest: Option<(String, Option<Secret>)>,
}

/// Returns the project's number and the disabled ones of `apis`.
pub async fn project(
    google: &Google,
    project: &str,
    apis: &[&'static str],
) -> Outcome<(u64, Vec<&'static str>)> {
    let names: Vec<_> = apis
        .iter()
        .map(|api| format!("projects/{project}/services/{api}"))
        .collect();
    let query: Vec<_> = names.iter().map(|name| ("names", name.as_str())).collect();
    let path = format!("v1/projects/{project}/services:batchGet");
    let request = Request {
        query: &query,
        ..Request::to(&path)
    };
    let answer: BatchGetServicesResponse = google
        .call(&method::APIS_GET, request)
        .await
        .during(format!("failed to read the project {project}"))?;
    let is_enabled = |api: &str| {
        let mut services = answer.services.iter();
        services
            .any(|service| service.state == ApiState::Enabled && last_segment(&service.name) == api)
    };
    let disabled = apis
        .iter()
        .copied()
        .filter(|api| !is_enabled(api))
        .collect();
    // The response contains the project's number, which saves a request and an API.
    let number = answer.services.iter().find_map(|service| {
        let name = match &*service.parent {
            "" => &service.name,
            parent => parent,
        };
        name.split('/').nth(1)?.parse().ok()
    });
    let number = match number {
        Some(number) => number,
        None => number_of(google, project).await?,
    };
    Ok((number, disabled))
}

async fn number_of(google: &Google, project: &str) -> Outcome<u64> {
    let found = google
        .get(&method::PROJECT_GET, &format!("v3/projects/{project}"))
        .await;
    let found: Project = found.during(format!("failed to read the project {project}"))?;
    let number = found.name.strip_prefix("projects/");
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Failure::new("Google's response has no project number"))
}

/// Reads the whole state concurrently.
pub async fn observe(
    google: &Google,
    settings: &Settings,
    names: &Names,
    disabled: Vec<&'static str>,
) -> Outcome<Observed> {
    let is_on = |api: &str| {
        !disabled
            .iter()
            .any(|name| name.starts_with(&format!("{api}.")))
    };
    let repository = has_repository(google, names, is_on("artifactregistry"));
    let account = has_account(google, settings, names, is_on("iam"));
    let service = async {
        if !is_on("run") {
            return Ok(None);
        }
        let found = preview::read(google, names).await;
        found.during(format!("failed to read the service {}", names.service_id))
    };
    let bucket = async {
        if !is_on("storage") || settings.ledger != Ledger::Bucket {
            return Ok((None, Policy::default()));
        }
        bucket(google, names).await
    };
    let secrets = async {
        let mut seen = BTreeMap::new();
        if is_on("secretmanager") {
            let looks = settings
                .secrets
                .iter()
                .map(|setting| secret(google, names, setting));
            for found in futures_util::future::join_all(looks).await {
                if let Some((id, secret)) = found? {
                    seen.insert(id, secret);
                }
            }
        }
        Ok(seen)
    };
    let all_secrets = async {
        if !is_on("secretmanager") {
            return Ok(None);
        }
        left_over::all(google, names).await
    };
    let instance = memorystore::observe(google, settings, names, is_on("redis"));
    let sql_policies = sql::policies(google, settings, is_on("cloudresourcemanager"));
    let (
        has_repository,
        has_account,
        found,
        (bucket, bucket_policy),
        mut secrets,
        all_secrets,
        sql_policies,
        instance,
    ) = tokio::try_join!(
        repository,
        account,
        service,
        bucket,
        secrets,
        all_secrets,
        sql_policies,
        instance
    )?;
    // A caller that may not list secrets can still deploy.
    let all_secrets = all_secrets.unwrap_or_default();
    let (service, preview) = match (found, names.preview()) {
        (Some(found), Some(tag)) => {
            let scope = Scope::Expired {
                days: settings.preview_max_age_days,
                except: tag,
            };
            let removal = Removal::plan(&found, &all_secrets, &scope, SystemTime::now());
            let (service, seen) = preview::of_this_preview(found, removal, names)?;
            (Some(service), seen)
        }
        (found, _) => (found.map(|found| found.service), preview::Seen::default()),
    };
    let kept = match &service {
        Some(service) => {
            generated_secret::keep(google, settings, names, service, &mut secrets).await?
        }
        None => generated_secret::Kept::default(),
    };
    Ok(Observed {
        has_repository,
        has_account,
        secrets,
        bucket,
        bucket_policy,
        sql_policies,
        instance,
        service,
        unused: kept.unused,
        rotation: kept.rotation,
        left_over: left_over::find(&all_secrets, names, settings),
        preview,
        disabled,
    })
}

async fn has_repository(google: &Google, names: &Names, is_enabled: bool) -> Outcome<bool> {
    if !is_enabled {
        return Ok(false);
    }
    let path = format!("v1/{}", names.repository());
    let found = google.exists(&method::REPOSITORY_GET, &path).await;
    found.during("failed to read the image repository")
}

async fn has_account(
    google: &Google,
    settings: &Settings,
    names: &Names,
    is_enabled: bool,
) -> Outcome<bool> {
    if !is_enabled || settings.service_account.is_some() {
        return Ok(false);
    }
    let (project, email) = (&names.project, names.account_email());
    let path = format!("v1/projects/{project}/serviceAccounts/{email}");
    let found = google.exists(&method::ACCOUNT_GET, &path).await;
    found.during("failed to read the service account")
}

async fn bucket(google: &Google, names: &Names) -> Outcome<(Option<Bucket>, Policy)> {
    let name = names.bucket("ledger");
    let during = "failed to read the ledger's bucket";
    let path = format!("storage/v1/b/{name}");
    let found = match google.find(&method::BUCKET_GET, &path).await {
        Err(denied) if denied.is_forbidden() => {
            let hint = format!(
                "grant {} a role that has it, such as roles/storage.admin; if it has one, the name \
                 {name} is taken by another project: choose another with --service",
                google.credentials().who()
            );
            return Err(denied.into_failure(during).hint(hint));
        }
        found => found,
    };
    let found: Option<Bucket> = found.during(during)?;
    let Some(found) = found else {
        return Ok((None, Policy::default()));
    };
    bucket::check_owner(names, &name, &found)?;
    let path = format!("storage/v1/b/{name}/iam");
    let policy = google
        .policy(&method::BUCKET_POLICY, &path)
        .await
        .during(during)?;
    Ok((Some(found), policy))
}

async fn secret(
    google: &Google,
    names: &Names,
    setting: &SecretSetting,
) -> Outcome<Option<(String, SeenSecret)>> {
    let id = names.secret_of(setting);
    let name = names.secret(&id);
    let during = || format!("failed to read the secret {id}");
    let path = format!("v1/{name}");
    let found = google.find(&method::SECRET_GET, &path).await;
    let found: Option<SecretResource> = found.during(during())?;
    let Some(found) = found else {
        return Ok(None);
    };
    let is_foreign = matches!(&setting.source, SecretSource::Existing { .. });
    let lacks_labels = are_ours(&found.labels) && !names.are_labels_of_service(&found.labels);
    let policy_path = format!("v1/{name}:getIamPolicy");
    let wanted = match &setting.source {
        SecretSource::Existing {
            version: Some(version),
            ..
        } => version.as_str(),
        _ => "latest",
    };
    let is_compared = matches!(
        &setting.source,
        SecretSource::Local(Some(_)) | SecretSource::Instance
    );
    let is_made = matches!(&setting.source, SecretSource::Generated(_));
    let path = format!("v1/{name}/versions/{wanted}");
    let version = async {
        if is_compared {
            let access = format!("{path}:access");
            let found = google.find(&method::SECRET_READ, &access).await?;
            Ok(found.map(|found: AccessSecretVersionResponse| {
                (number_in(&found.name), decoded(&found.payload))
            }))
        } else {
            let found: Option<SecretVersion> = google.find(&method::SECRET_VERSION, &path).await?;
            let is_used = |found: &SecretVersion| !is_made || found.state == VersionState::Enabled;
            let found = found.filter(is_used);
            Ok(found.map(|found| (number_in(&found.name), None)))
        }
    };
    let policy = google.policy(&method::SECRET_POLICY, &policy_path);
    let (version, policy) = tokio::join!(version, policy);
    let latest = version.during(during())?;
    let is_shown = found
        .labels
        .get(SHOWN_LABEL)
        .is_none_or(|label| label != NOT_SHOWN);
    Ok(Some((
        id.clone(),
        SeenSecret {
            unseen: (is_made && !is_shown).then(|| found.clone()),
            unlabelled: (lacks_labels && !is_foreign).then_some(found),
            policy: policy.during(during())?,
            latest,
        },
    )))
}

/// Returns the number of a secret version with this name.
fn number_in(name: &str) -> String {
    last_segment(name).to_owned()
}

/// Returns the value of a secret version, or `None` if it is not text.
pub fn decoded(payload: &SecretPayload) -> Option<Secret> {
    let data = BASE64_STANDARD.decode(&payload.data).ok()?;
    String::from_utf8(data).ok().map(Secret::new)
}
