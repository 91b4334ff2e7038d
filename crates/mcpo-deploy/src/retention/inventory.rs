//! Reads what could be deleted. Only sends read requests.

use std::collections::BTreeSet;

use mcpo_common::error::Outcome;

use crate::{
    context::Context,
    google::{
        ErrorContext as _, GoogleError,
        api::{
            Page,
            artifact_registry::{ListTagsResponse, ListVersionsResponse, Tag},
            last_segment,
            run::{ListRevisionsResponse, Revision},
            secret_manager::{
                ListSecretVersionsResponse, ListSecretsResponse, SecretVersion, VersionState,
            },
        },
        method::{self, Method},
    },
    registry, supply_chain,
};

/// The revisions of the service, and what mcpo stored for them.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Newest first.
    pub revisions: Vec<Revision>,
    /// The images with a tag of mcpo.
    pub images: Vec<StoredImage>,
    /// What is attached to images of the service.
    pub attachments: Vec<StoredAttachment>,
    /// The versions of the secrets that mcpo created for the service, in any state.
    pub secret_versions: Vec<StoredVersion>,
    /// Why something is not deleted, as one sentence for each kind.
    pub unknown: Vec<String>,
}

/// An image in the registry.
#[derive(Clone, Debug)]
pub struct StoredImage {
    pub digest: String,
    /// When it was pushed or tagged last: RFC 3339, in UTC.
    pub updated: String,
}

/// A document or a signature in the registry that belongs to an image.
#[derive(Clone, Debug)]
pub struct StoredAttachment {
    pub digest: String,
    /// The digest of the image.
    pub image: String,
    /// Whether it is the list of the image's attachments.
    pub is_list: bool,
}

/// A version of a secret.
#[derive(Clone, Debug)]
pub struct StoredVersion {
    /// The secret's id.
    pub secret: String,
    pub number: u64,
    pub is_enabled: bool,
    pub etag: String,
}

/// A complete list, or why it is not known.
type Listed<T> = Result<Vec<T>, String>;

impl Inventory {
    /// Reads everything concurrently. The lists are empty if the settings keep all revisions.
    pub async fn read(context: &Context<'_>, disabled: &[&str]) -> Outcome<Self> {
        let is_on = |api: &str| {
            let prefix = format!("{api}.");
            !disabled.iter().any(|name| name.starts_with(&prefix))
        };
        if context.settings.keep_revisions.is_none() || !is_on("run") {
            return Ok(Self::default());
        }
        let images = async {
            if is_on("artifactregistry") {
                images(context).await
            } else {
                Ok(Ok((Vec::new(), Vec::new())))
            }
        };
        let versions = async {
            if is_on("secretmanager") {
                secret_versions(context).await
            } else {
                Ok(Ok(Vec::new()))
            }
        };
        let (revisions, images, versions) = tokio::try_join!(revisions(context), images, versions)?;
        let mut unknown = Vec::new();
        let (images, attachments) = images.unwrap_or_else(|why| {
            unknown.push(format!("old images are not deleted: {why}"));
            (Vec::new(), Vec::new())
        });
        let mut inventory = Self {
            revisions: known(revisions, "revisions", &mut unknown),
            images,
            attachments,
            secret_versions: known(versions, "secret versions", &mut unknown),
            unknown,
        };
        inventory
            .revisions
            .sort_by(|a, b| b.create_time.cmp(&a.create_time));
        Ok(inventory)
    }
}

fn known<T>(listed: Listed<T>, what: &str, unknown: &mut Vec<String>) -> Vec<T> {
    listed.unwrap_or_else(|why| {
        unknown.push(format!("old {what} are not deleted: {why}"));
        Vec::new()
    })
}

/// Lists everything. A resource that does not exist contains nothing.
async fn list<P: Page>(
    context: &Context<'_>,
    method: &Method,
    path: &str,
) -> Outcome<Listed<P::Item>> {
    match context.google.list_all::<P>(method, path).await {
        Ok((items, true)) => Ok(Ok(items)),
        // An incomplete list could lack a revision that uses what is deleted.
        Ok((_, false)) => Ok(Err("there are too many to list".to_owned())),
        Err(GoogleError::NotFound(_)) => Ok(Ok(Vec::new())),
        Err(google_error) if google_error.is_forbidden() => {
            let permission = method.permission;
            Ok(Err(format!("this requires the permission {permission}")))
        }
        Err(google_error) => Err(google_error).during("failed to list what could be deleted"),
    }
}

async fn revisions(context: &Context<'_>) -> Outcome<Listed<Revision>> {
    let path = format!("v2/{}/revisions", context.names.service());
    list::<ListRevisionsResponse>(context, &method::REVISIONS_LIST, &path).await
}

/// Returns the images with a tag of mcpo, and what is attached to images.
async fn images(
    context: &Context<'_>,
) -> Outcome<Result<(Vec<StoredImage>, Vec<StoredAttachment>), String>> {
    let package = format!("v1/{}", context.names.package());
    let (of_tags, of_versions) = (format!("{package}/tags"), format!("{package}/versions"));
    let (tags, versions) = tokio::try_join!(
        list::<ListTagsResponse>(context, &method::TAGS_LIST, &of_tags),
        list::<ListVersionsResponse>(context, &method::VERSIONS_LIST, &of_versions),
    )?;
    let (tags, versions) = match (tags, versions) {
        (Ok(tags), Ok(versions)) => (tags, versions),
        (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
    };
    let is_ours = |digest: &str| {
        let mut tags = tags
            .iter()
            .filter(|tag| last_segment(&tag.version) == digest);
        let is_our_tag = |name: &str| registry::is_our_tag(last_segment(name), digest);
        // An image that also has the tag of someone else is kept.
        let all: Vec<_> = tags.by_ref().map(|tag| is_our_tag(&tag.name)).collect();
        !all.is_empty() && all.into_iter().all(|is_ours| is_ours)
    };
    let images = versions.into_iter().map(|version| StoredImage {
        digest: last_segment(&version.name).to_owned(),
        updated: version.create_time.max(version.update_time),
    });
    let image_of = |tag: &Tag| supply_chain::image_of_tag(last_segment(&tag.name));
    let attachments = tags.iter().filter_map(|tag| {
        let image = image_of(tag)?;
        // A manifest that also has another tag, such as an image, is kept.
        let mut same = tags.iter().filter(|one| one.version == tag.version);
        let is_attachment = same.all(|one| image_of(one).as_ref() == Some(&image));
        is_attachment.then(|| StoredAttachment {
            digest: last_segment(&tag.version).to_owned(),
            is_list: last_segment(&tag.name) == supply_chain::referrers_tag(&image),
            image,
        })
    });
    let images = images.filter(|image| is_ours(&image.digest)).collect();
    Ok(Ok((images, attachments.collect())))
}

async fn secret_versions(context: &Context<'_>) -> Outcome<Listed<StoredVersion>> {
    let (names, settings) = (&context.names, &context.settings);
    let path = format!("v1/projects/{}/secrets", names.project);
    let secrets = list::<ListSecretsResponse>(context, &method::SECRETS_LIST, &path).await?;
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(why) => return Ok(Err(why)),
    };
    let of_settings: BTreeSet<_> = settings
        .secrets
        .iter()
        .map(|setting| names.secret_of(setting))
        .collect();
    let ours = secrets
        .iter()
        .filter(|secret| names.are_labels_of_service(&secret.labels))
        .map(|secret| last_segment(&secret.name))
        .filter(|id| of_settings.contains(*id));
    let lists = ours.map(|id| versions_of(context, id));
    let mut all = Vec::new();
    for listed in futures_util::future::join_all(lists).await {
        match listed? {
            Ok(versions) => all.extend(versions),
            Err(why) => return Ok(Err(why)),
        }
    }
    Ok(Ok(all))
}

async fn versions_of(context: &Context<'_>, id: &str) -> Outcome<Listed<StoredVersion>> {
    let path = format!("v1/{}/versions", context.names.secret(id));
    let listed =
        list::<ListSecretVersionsResponse>(context, &method::SECRET_VERSIONS_LIST, &path).await?;
    let stored = |version: SecretVersion| {
        Some(StoredVersion {
            secret: id.to_owned(),
            number: last_segment(&version.name).parse().ok()?,
            is_enabled: version.state == VersionState::Enabled,
            etag: version.etag,
        })
    };
    Ok(listed.map(|versions| versions.into_iter().filter_map(stored).collect()))
}
