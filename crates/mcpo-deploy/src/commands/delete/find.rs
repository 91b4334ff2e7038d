//! Finds the resources of a service. The name of a resource does not prove that mcpo created it, so
//! labels and descriptions are checked too.

use std::collections::BTreeSet;

use mcpo_common::error::{Failure, Outcome};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Context;
use crate::{
    domain,
    google::{
        ErrorContext as _, GoogleError,
        api::{
            artifact_registry::{ListTagsResponse, ListVersionsResponse},
            iam::ServiceAccount,
            last_segment,
            redis::Instance,
            run::Service,
            secret_manager::Secret,
            storage::Bucket,
        },
        method::{self, Method},
    },
    labels::{PREVIEW_LABEL, are_ours},
    monitoring,
    names::{ACCOUNT_DESCRIPTION, SQL_ROLE},
    plan::{self, Line},
    registry,
    settings::{KEY_RING, Ledger, PASSWORD, SecretSource},
    supply_chain,
};

/// One resource to delete.
pub struct ResourceToDelete {
    pub what: String,
    pub method: Method,
    pub path: String,
    pub query: &'static [(&'static str, &'static str)],
}

/// The resources to delete, in deletion order, and those that are kept although their names match.
#[derive(Default)]
pub struct Found {
    pub to_delete: Vec<ResourceToDelete>,
    pub kept: Vec<String>,
    /// A resource that other services may use, and which is therefore kept.
    pub shared: Option<String>,
}

impl ResourceToDelete {
    const fn new(what: String, method: Method, path: String) -> Self {
        Self {
            what,
            method,
            path,
            query: &[],
        }
    }

    /// Returns the line of the plan.
    pub fn line(&self) -> Line {
        let mut methods = vec![self.method.id];
        if self.method.id == method::BUCKET_DELETE.id {
            methods.insert(0, method::OBJECT_DELETE.id);
        }
        Line {
            sign: '-',
            text: self.what.clone(),
            methods,
        }
    }
}

/// Finds all resources of the service.
pub async fn find(context: &Context<'_>, disabled: &[&str]) -> Outcome<Found> {
    let is_on = |api: &str| {
        let prefix = format!("{api}.");
        !disabled.iter().any(|name| name.starts_with(&prefix))
    };
    let mut found = Found::default();
    if is_on("run") {
        domain_mappings(context, &mut found).await;
        service(context, &mut found).await?;
    }
    if is_on("artifactregistry") {
        images(context, &mut found).await?;
    }
    if is_on("secretmanager") {
        secrets(context, &mut found).await?;
    }
    if is_on("storage") {
        if context.settings.ledger == Ledger::Bucket {
            let loss = "all users must sign in again";
            bucket(context, "ledger", loss, &mut found).await?;
        }
        bucket(context, "source", "source code of builds", &mut found).await?;
    }
    monitoring(context, disabled, &mut found).await?;
    instance(context, &mut found).await?;
    if is_on("iam") && context.settings.service_account.is_none() {
        account(context, is_on("cloudresourcemanager"), &mut found).await?;
    }
    Ok(found)
}

async fn look<T: DeserializeOwned>(
    context: &Context<'_>,
    method: &Method,
    path: &str,
) -> Outcome<Option<T>> {
    let found = context.google.find(method, path).await;
    found.during("failed to find the resources of the service")
}

/// Finds the domain mappings of the service, which are deleted before it. A caller who may not list
/// them can still delete the service; a mapping then leads nowhere.
async fn domain_mappings(context: &Context<'_>, found: &mut Found) {
    let names = &context.names;
    let mappings = match domain::mappings_to(&context.google, names).await {
        Ok(mappings) => mappings,
        Err(error) => {
            context.ui.warn(format_args!(
                "domain mappings were not searched for: {error}"
            ));
            return;
        }
    };
    for mapping in mappings {
        let domain = &mapping.metadata.name;
        if mapping.is_ours(names) {
            let path = format!("v1/{}/domainmappings/{domain}", names.location());
            let what = format!("domain mapping {domain}");
            let to_delete = ResourceToDelete::new(what, method::DOMAIN_MAPPING_DELETE, path);
            found.to_delete.push(to_delete);
        } else {
            found.kept.push(format!("domain mapping {domain}"));
        }
    }
}

async fn service(context: &Context<'_>, found: &mut Found) -> Outcome<()> {
    let names = &context.names;
    let path = format!("v2/{}", names.service());
    let Some(service) = look::<Service>(context, &method::SERVICE_GET, &path).await? else {
        return Ok(());
    };
    if !are_ours(&service.labels) {
        let what = format!("the service {} was not created by mcpo", names.service_id);
        return Err(Failure::new(what).hint("delete it with the tool that created it"));
    }
    let what = format!("service {} with all its revisions", names.service_id);
    found
        .to_delete
        .push(ResourceToDelete::new(what, method::SERVICE_DELETE, path));
    Ok(())
}

/// Finds the service's images. The repository and the package may be shared, so only images with a
/// tag of mcpo's form are deleted.
async fn images(context: &Context<'_>, found: &mut Found) -> Outcome<()> {
    let (google, names) = (&context.google, &context.names);
    let package = format!("v1/{}", names.package());
    let found_package = look::<IgnoredAny>(context, &method::PACKAGE_GET, &package);
    if found_package.await?.is_none() {
        return Ok(());
    }
    found.shared = Some(format!("image repository {}", names.repository_id()));
    let during = "failed to list the images";
    let (of_tags, of_versions) = (format!("{package}/tags"), format!("{package}/versions"));
    let (tags, versions) = tokio::join!(
        google.list::<ListTagsResponse>(&method::TAGS_LIST, &of_tags),
        google.list::<ListVersionsResponse>(&method::VERSIONS_LIST, &of_versions),
    );
    let tags = tags.during(during)?;
    let mut ours: BTreeSet<String> = tags
        .iter()
        .map(|tag| (last_segment(&tag.name), last_segment(&tag.version)))
        .filter(|(tag, digest)| registry::is_our_tag(tag, digest))
        .map(|(_, digest)| digest.to_owned())
        .collect();
    let attachments = tags.iter().filter(|tag| {
        let image = supply_chain::image_of_tag(last_segment(&tag.name));
        image.is_some_and(|image| ours.contains(&image))
    });
    let attachments: Vec<_> = attachments
        .map(|tag| last_segment(&tag.version).to_owned())
        .collect();
    ours.extend(attachments);
    let all: BTreeSet<String> = versions
        .during(during)?
        .iter()
        .map(|version| last_segment(&version.name).to_owned())
        .collect();
    let others = all.difference(&ours).count();
    let (service, repository) = (&names.service_id, names.repository_id());
    if others == 0 {
        let what = format!("images of {service} in the repository {repository}");
        found
            .to_delete
            .push(ResourceToDelete::new(what, method::PACKAGE_DELETE, package));
        return Ok(());
    }
    found
        .to_delete
        .extend(all.intersection(&ours).map(|digest| {
            let short: String = digest.chars().take(19).collect();
            ResourceToDelete {
                what: format!("image {repository}/{service}@{short}"),
                method: method::VERSION_DELETE,
                path: format!("{package}/versions/{digest}"),
                // Also deletes the version's tags.
                query: &[("force", "true")],
            }
        }));
    found.kept.push(format!(
        "{others} other image(s) of {service} in the repository {repository}"
    ));
    Ok(())
}

async fn secrets(context: &Context<'_>, found: &mut Found) -> Outcome<()> {
    let known = secret_ids(context);
    for id in &known {
        let path = format!("v1/{}", context.names.secret(id));
        match look::<Secret>(context, &method::SECRET_GET, &path).await? {
            Some(secret) if are_ours(&secret.labels) => found.to_delete.push(
                ResourceToDelete::new(format!("secret {id}"), method::SECRET_DELETE, path),
            ),
            Some(_) => found.kept.push(format!("secret {id}")),
            None => {}
        }
    }
    let (google, names) = (&context.google, &context.names);
    match plan::all_secrets(google, names).await? {
        Some(all) => {
            for secret in all {
                let id = last_segment(&secret.name);
                if known.contains(id) {
                    continue;
                }
                let path = format!("v1/{}", names.secret(id));
                let what = match secret.labels.get(PREVIEW_LABEL) {
                    Some(tag) => format!("secret {id} of the preview {tag}"),
                    None => format!("secret {id}, which no setting uses"),
                };
                let to_delete = ResourceToDelete::new(what, method::SECRET_DELETE, path);
                found.to_delete.push(to_delete);
            }
        }
        None => context.ui.warn(
            "unused secrets were not searched for: this requires the permission \
             secretmanager.secrets.list",
        ),
    }
    Ok(())
}

async fn bucket(
    context: &Context<'_>,
    purpose: &str,
    loss: &str,
    found: &mut Found,
) -> Outcome<()> {
    let name = context.names.bucket(purpose);
    let path = format!("storage/v1/b/{name}");
    match look::<Bucket>(context, &method::BUCKET_GET, &path).await? {
        Some(bucket) if are_ours(&bucket.labels) && context.names.owns(&bucket) => {
            found.to_delete.push(ResourceToDelete::new(
                format!("bucket {name}: {loss}"),
                method::BUCKET_DELETE,
                path,
            ));
        }
        Some(_) => found.kept.push(format!("bucket {name}")),
        None => {}
    }
    Ok(())
}

/// Finds the uptime check, its alert, and the budget.
async fn monitoring(context: &Context<'_>, disabled: &[&str], found: &mut Found) -> Outcome<()> {
    let (resources, unknown) = monitoring::find_all(context, disabled).await?;
    for (kind, resource) in resources {
        let name = resource["name"].as_str().unwrap_or_default();
        let what = format!("{} {name}", kind.what());
        found
            .to_delete
            .push(ResourceToDelete::new(what, kind.delete(), kind.path(name)));
    }
    for what in unknown {
        context.ui.warn(format_args!(
            "not looking for a {what}: a permission to list them is missing"
        ));
    }
    Ok(())
}

/// Finds the projects in which the service's account may connect to Cloud SQL.
async fn sql_roles(context: &Context<'_>, is_known: bool, found: &mut Found) -> Outcome<()> {
    let policies = plan::sql_policies(&context.google, &context.settings, is_known).await?;
    let member = format!("serviceAccount:{}", context.names.account_email());
    for (project, policy) in policies {
        if policy.grants(SQL_ROLE, &member) {
            found.to_delete.push(ResourceToDelete::new(
                format!("{SQL_ROLE} of the service account in {project}"),
                method::PROJECT_GRANT,
                format!("v3/projects/{project}"),
            ));
        }
    }
    Ok(())
}

/// Finds the ledger's Memorystore instance, also if the ledger is elsewhere now: it costs money.
async fn instance(context: &Context<'_>, found: &mut Found) -> Outcome<()> {
    let names = &context.names;
    let name = names.instance_id();
    let path = format!("v1/{}/instances/{name}", names.location());
    let is_needed = context.settings.ledger == Ledger::Memorystore(None);
    let looked = match context.google.find(&method::INSTANCE_GET, &path).await {
        // Most projects do not use this API.
        Err(GoogleError::Disabled(_)) => Ok(None),
        Err(denied) if denied.is_forbidden() && !is_needed => Ok(None),
        looked => looked,
    };
    let looked: Option<Instance> = looked.during("failed to find the resources of the service")?;
    match looked {
        Some(instance) if names.are_labels_of_service(&instance.labels) => {
            let what = format!("Memorystore instance {name}: all users must sign in again");
            let to_delete = ResourceToDelete::new(what, method::INSTANCE_DELETE, path);
            found.to_delete.push(to_delete);
        }
        Some(_) => found.kept.push(format!("Memorystore instance {name}")),
        None => {}
    }
    Ok(())
}

async fn account(context: &Context<'_>, is_sql_known: bool, found: &mut Found) -> Outcome<()> {
    let email = context.names.account_email();
    let project = &context.names.project;
    let path = format!("v1/projects/{project}/serviceAccounts/{email}");
    match look::<ServiceAccount>(context, &method::ACCOUNT_GET, &path).await? {
        Some(account) if account.description == ACCOUNT_DESCRIPTION => {
            sql_roles(context, is_sql_known, found).await?;
            found.to_delete.push(ResourceToDelete::new(
                format!("service account {email}"),
                method::ACCOUNT_DELETE,
                path,
            ));
        }
        Some(_) => found.kept.push(format!("service account {email}")),
        None => {}
    }
    Ok(())
}

/// Returns the ids of the secrets that mcpo may have created for the service.
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
