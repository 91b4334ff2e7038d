//! Finds what previews have left behind: previews that are too old, and revisions that a later one
//! of the same preview has replaced.

use std::{collections::BTreeSet, time::SystemTime};

use super::{
    age,
    list::{has_other_target, is_used, tag_of},
    view::Found,
};
use crate::{
    google::api::{last_segment, run::Revision, secret_manager::Secret},
    labels::PREVIEW_LABEL,
};

/// A revision without a tag may be one of a deployment that has not ended yet.
const LONGEST_DEPLOYMENT: u64 = 3600;

/// Which previews are removed.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Those that are older than a number of days, but not this one.
    Expired { days: u32, except: &'a str },
    /// This one.
    One(&'a str),
}

/// What is removed.
#[derive(Clone, Debug, Default)]
pub struct Removal {
    /// The tags of the previews.
    pub tags: BTreeSet<String>,
    /// The previews that have secrets, and so may have records in the ledger.
    pub with_records: BTreeSet<String>,
    /// Full names of revisions.
    pub revisions: Vec<String>,
    /// Ids of secrets.
    pub secrets: Vec<String>,
    /// The short name of a revision that Google does not delete: it is the latest one, or has
    /// another tag or a share of the requests.
    pub kept: Option<String>,
    /// Tags of previews that are in effect.
    pub reachable: BTreeSet<String>,
    /// The latest revisions, which Google deletes only after a new one: full names.
    latest: Vec<String>,
    /// All previews that have secrets.
    all_with_secrets: BTreeSet<String>,
}

impl Removal {
    /// Decides what is removed. `secrets` are those of the service.
    pub fn plan(found: &Found, secrets: &[Secret], scope: &Scope<'_>, now: SystemTime) -> Self {
        let of_secret = |secret: &Secret| secret.labels.get(PREVIEW_LABEL).cloned();
        let of_revisions = found.revisions.iter().filter_map(tag_of).map(str::to_owned);
        let all: BTreeSet<String> = secrets
            .iter()
            .filter_map(of_secret)
            .chain(of_revisions)
            .collect();
        // The youngest part of a preview decides, so that none is removed while it is deployed.
        let age_of = |tag: &str| {
            let revisions = found
                .revisions
                .iter()
                .filter(|one| tag_of(one) == Some(tag));
            let revisions = revisions.map(|one| one.create_time.as_deref().unwrap_or_default());
            let secrets = secrets
                .iter()
                .filter(|one| of_secret(one).as_deref() == Some(tag));
            let times = revisions.chain(secrets.map(|one| one.create_time.as_str()));
            times
                .map(|time| age::age(time, now))
                .min()
                .unwrap_or_default()
        };
        let is_removed = |tag: &String| match scope {
            Scope::One(one) => tag == one,
            Scope::Expired { days, except } => {
                tag != except && age_of(tag) > u64::from(*days) * 86_400
            }
        };
        let tags: BTreeSet<String> = all.into_iter().filter(is_removed).collect();
        let all_with_secrets = secrets.iter().filter_map(of_secret).collect();
        let is_of = |one: &&Secret| of_secret(one).is_some_and(|tag| tags.contains(&tag));
        let secrets: Vec<_> = secrets.iter().filter(is_of).collect();
        let mut removal = Self {
            with_records: secrets.iter().filter_map(|one| of_secret(one)).collect(),
            secrets: secrets
                .iter()
                .map(|one| last_segment(&one.name).to_owned())
                .collect(),
            reachable: super::list::list(found)
                .into_iter()
                .map(|preview| preview.tag)
                .filter(|tag| tags.contains(tag))
                .collect(),
            tags,
            all_with_secrets,
            ..Self::default()
        };
        for revision in &found.revisions {
            removal.add_revision(found, revision, scope, now);
        }
        removal
    }

    fn add_revision(
        &mut self,
        found: &Found,
        revision: &Revision,
        scope: &Scope<'_>,
        now: SystemTime,
    ) {
        let Some(tag) = tag_of(revision) else { return };
        let is_removed = self.tags.contains(tag);
        let newest = found.revisions.iter().find(|one| tag_of(one) == Some(tag));
        let is_replaced = newest.is_some_and(|newest| newest.name != revision.name);
        let created = revision.create_time.as_deref().unwrap_or_default();
        let is_idle = !is_used(&found.service, revision.short_name());
        let is_abandoned = age::age(created, now) > LONGEST_DEPLOYMENT;
        // The revision of the preview that is deployed may get its tag back.
        let is_deployed = matches!(scope, Scope::Expired { except, .. } if *except == tag);
        if is_deployed && !is_replaced {
            return;
        }
        if !is_removed && !(is_idle && (is_replaced || is_abandoned)) {
            return;
        }
        let has_other_target = has_other_target(&found.service, revision.short_name(), tag);
        if found.is_latest(revision) || has_other_target {
            if !has_other_target {
                self.latest.push(revision.name.clone());
            }
            if is_removed {
                self.kept = Some(revision.short_name().to_owned());
            }
        } else {
            self.revisions.push(revision.name.clone());
        }
    }

    /// Adds what can be removed after a new revision of the preview: the latest revisions, and the one
    /// that the new one replaces.
    pub fn add_replaced(&mut self, replaced: Option<&str>) {
        let latest = std::mem::take(&mut self.latest);
        for revision in latest.iter().map(String::as_str).chain(replaced) {
            if !self.revisions.iter().any(|name| name == revision) {
                self.revisions.push(revision.to_owned());
            }
        }
    }

    /// Keeps only what a later plan still removes.
    pub fn intersect(&mut self, later: &Self) {
        self.tags.retain(|tag| later.tags.contains(tag));
        self.with_records
            .retain(|tag| later.with_records.contains(tag));
        self.secrets.retain(|id| later.secrets.contains(id));
        self.revisions.retain(|name| later.revisions.contains(name));
    }

    /// Leaves out a revision, given by its short name.
    pub fn keep(&mut self, revision: &str) {
        self.revisions.retain(|name| last_segment(name) != revision);
    }

    /// Returns true if the preview with this tag has secrets.
    pub fn has_secrets(&self, tag: &str) -> bool {
        self.all_with_secrets.contains(tag)
    }

    /// Returns true if there is nothing to remove.
    pub fn is_empty(&self) -> bool {
        self.reachable.is_empty() && self.revisions.is_empty() && self.secrets.is_empty()
    }
}
