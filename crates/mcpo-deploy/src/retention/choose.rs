//! Chooses what to delete. Sends no requests.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cleanup, Inventory, MOST, OldVersion,
    inventory::StoredVersion,
    needed::{Uses, in_use, is_named_by_mcpo},
};
use crate::{
    google::api::run::{Revision, Service},
    history,
    labels::{PREVIEW_LABEL, are_ours},
    traffic::{Share, serving},
};

/// Stands for the revision that the release creates. No revision has an empty name.
const NEW: &str = "";

/// The release that precedes the deletion.
#[derive(Clone, Copy, Debug)]
pub struct NextRelease<'a> {
    /// Whether it creates a revision.
    pub makes_revision: bool,
    pub share: Share,
    /// The digest of its image, if it is known.
    pub image: Option<&'a str>,
}

/// Chooses what to delete after the release. `keep` is the number of revisions to keep; `None` keeps
/// all.
///
/// The newest `keep` revisions are kept, and the newest `keep` that served all requests, and those
/// that the service needs. An image or a version of a secret is kept if a kept revision uses it.
pub fn plan(
    keep: Option<usize>,
    service_id: &str,
    service: Option<&Service>,
    inventory: &Inventory,
    release: Option<NextRelease<'_>>,
) -> Cleanup {
    let (Some(keep), Some(service)) = (keep, service) else {
        return Cleanup::default();
    };
    // Without the revisions, it is not known what they use.
    if inventory.revisions.is_empty() || !are_ours(&service.labels) {
        return Cleanup::default();
    }
    let needed = needed(keep, service, inventory, release);
    let mut old: Vec<_> = inventory
        .revisions
        .iter()
        .rev()
        .map(Revision::short_name)
        .filter(|name| !needed.contains(*name) && is_named_by_mcpo(name, service_id))
        .map(str::to_owned)
        .collect();
    old.truncate(MOST);
    let uses = uses(service, inventory, &old);
    let images = images(inventory, &uses, release);
    Cleanup {
        attachments: attachments(inventory, &images),
        images,
        secret_versions: secret_versions(inventory, &uses),
        revisions: old,
    }
}

/// Chooses the images and secret versions that no existing revision uses.
pub fn unused(service: &Service, inventory: &Inventory) -> Cleanup {
    if inventory.revisions.is_empty() || !are_ours(&service.labels) {
        return Cleanup::default();
    }
    let uses = uses(service, inventory, &[]);
    let images = images(inventory, &uses, None);
    Cleanup {
        attachments: attachments(inventory, &images),
        images,
        secret_versions: secret_versions(inventory, &uses),
        revisions: Vec::new(),
    }
}

/// Returns the names of the revisions to keep.
fn needed(
    keep: usize,
    service: &Service,
    inventory: &Inventory,
    release: Option<NextRelease<'_>>,
) -> BTreeSet<String> {
    let new = release.is_some_and(|release| release.makes_revision);
    let new = new.then_some(NEW);
    // Previews are not releases.
    let is_release = |one: &&Revision| !one.labels.contains_key(PREVIEW_LABEL);
    let existing = inventory.revisions.iter().filter(is_release);
    let names = new.into_iter().chain(existing.map(Revision::short_name));
    let names: Vec<_> = names.collect();
    let ready = inventory.revisions.iter().filter(|one| one.is_ready());
    let ready = new.into_iter().chain(ready.map(Revision::short_name));
    let ready: Vec<_> = ready.map(str::to_owned).collect();
    let newest = new.unwrap_or_else(|| service.latest_created());
    let mut served = history::served(service);
    let serving = serving(service);
    let is_serving = |name: &&&str| serving.iter().any(|(one, _)| one == **name);
    let mut now = names.iter().find(is_serving).copied();
    match release.map(|release| release.share) {
        Some(Share::Everything) => {
            served.retain(|name| name != newest);
            served.push(newest.to_owned());
            now = Some(newest);
        }
        Some(Share::Percent(_)) => now = Some(newest),
        Some(Share::Nothing | Share::Kept | Share::Preview) | None => {}
    }
    let have_served = names
        .iter()
        .filter(|name| served.iter().any(|one| one == **name));
    let rollback = history::rollback_target(&ready, now, &served);
    let mut needed = in_use(service);
    needed.extend(names.iter().take(keep).map(|name| (*name).to_owned()));
    needed.extend(have_served.take(keep).map(|name| (*name).to_owned()));
    needed.extend(rollback);
    needed
}

/// Returns what the revisions that are not in `old` use.
fn uses(service: &Service, inventory: &Inventory, old: &[String]) -> Uses {
    let mut uses = Uses::default();
    let is_old = |revision: &&Revision| old.iter().any(|name| name == revision.short_name());
    for revision in inventory.revisions.iter().filter(|one| !is_old(one)) {
        uses.add(&revision.containers, &revision.volumes);
    }
    if let Some(template) = &service.template {
        let volumes = template.other.get("volumes").and_then(|it| it.as_array());
        uses.add(&template.containers, volumes.map_or(&[], Vec::as_slice));
    }
    uses
}

/// Chooses the images that no revision uses. Images that are newer than the newest revision belong to
/// a release that is in progress.
fn images(inventory: &Inventory, uses: &Uses, release: Option<NextRelease<'_>>) -> Vec<String> {
    let newest = inventory.revisions.first();
    let Some(newest) = newest.and_then(|revision| revision.create_time.as_deref()) else {
        return Vec::new();
    };
    if uses.has_tagged_image {
        return Vec::new();
    }
    let is_of_release = |digest: &str| release.is_some_and(|it| it.image == Some(digest));
    let mut old: Vec<_> = inventory
        .images
        .iter()
        .filter(|image| !image.updated.is_empty())
        .filter(|image| comparable(&image.updated) < comparable(newest))
        .filter(|image| !uses.images.contains(&image.digest) && !is_of_release(&image.digest))
        .collect();
    old.sort_by_key(|image| comparable(&image.updated));
    let digests = old.into_iter().map(|image| image.digest.clone());
    digests.take(MOST).collect()
}

/// Chooses what is attached to the images that are deleted.
fn attachments(inventory: &Inventory, images: &[String]) -> Vec<String> {
    let of_images = inventory
        .attachments
        .iter()
        .filter(|attachment| images.contains(&attachment.image));
    let digests: BTreeSet<_> = of_images.map(|attachment| &attachment.digest).collect();
    digests.into_iter().cloned().collect()
}

/// Returns a time of Google (RFC 3339 in UTC, with or without a fraction) in a form that can be
/// compared.
fn comparable(time: &str) -> (&str, &str) {
    let time = time.trim_end_matches('Z');
    time.split_once('.').unwrap_or((time, ""))
}

/// Chooses the enabled versions that no revision uses and that are older than one that is used.
fn secret_versions(inventory: &Inventory, uses: &Uses) -> Vec<OldVersion> {
    let mut by_secret: BTreeMap<&str, Vec<&StoredVersion>> = BTreeMap::new();
    for version in &inventory.secret_versions {
        by_secret.entry(&version.secret).or_default().push(version);
    }
    let mut old = Vec::new();
    for (secret, mut versions) in by_secret {
        let Some(Some(numbers)) = uses.versions.get(secret) else {
            continue;
        };
        let Some(newest_used) = numbers.last() else {
            continue;
        };
        versions.sort_by_key(|version| version.number);
        let unused = versions
            .into_iter()
            .filter(|version| version.is_enabled && version.number < *newest_used)
            .filter(|version| !numbers.contains(&version.number));
        old.extend(unused.map(|version| OldVersion {
            secret: secret.to_owned(),
            number: version.number,
            etag: version.etag.clone(),
        }));
    }
    old.truncate(MOST);
    old
}
