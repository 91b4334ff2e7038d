//! After random releases and rollbacks, what is deleted is never missed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Cleanup, Inventory, NextRelease, choose::unused, inventory::StoredVersion, plan};
use crate::{
    google::api::run::{Revision, Service, TrafficTarget},
    history,
    retention::inventory::StoredImage,
    traffic::{self, Share, Wanted, serving, tags},
};

const SERVICE: &str = "tiny";
const SECRET: &str = "key";
const STEPS: u64 = 60;

/// A deterministic source of numbers, so that failures are reproducible.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A project at Google, and everything that was ever created in it.
struct Project {
    keep: usize,
    service: Service,
    inventory: Inventory,
    /// All revisions that became ready, newest first, including deleted ones.
    ready: Vec<String>,
    time: u64,
    /// Whether Google refuses to delete some revisions.
    is_refused_sometimes: bool,
}

impl Project {
    fn new(keep: usize) -> Self {
        let service = json!({ "labels": { "managed-by": "mcpo" } });
        Self {
            keep,
            service: serde_json::from_value(service).unwrap(),
            inventory: Inventory::default(),
            ready: Vec::new(),
            time: 0,
            is_refused_sometimes: false,
        }
    }

    fn now(&mut self) -> String {
        self.time += 1;
        format!(
            "2026-01-01T00:{:02}:{:02}.5Z",
            self.time / 60,
            self.time % 60
        )
    }

    /// Pushes an image and adds a version of the secret, as a release does before it writes.
    fn prepare(&mut self, random: &mut Random) -> (String, u64) {
        let digest = format!("sha256:{}", random.below(30));
        let updated = self.now();
        let images = &mut self.inventory.images;
        if images.iter().all(|image| image.digest != digest) {
            let digest = digest.clone();
            images.push(StoredImage { digest, updated });
        }
        let versions = &mut self.inventory.secret_versions;
        let last = versions.len() as u64;
        if last == 0 || random.below(2) == 0 {
            versions.push(StoredVersion {
                secret: SECRET.to_owned(),
                number: last + 1,
                is_enabled: true,
                etag: "e".to_owned(),
            });
            return (digest, last + 1);
        }
        (digest, last)
    }

    fn write(&mut self, traffic: &[TrafficTarget]) {
        self.service.annotations = history::annotations(Some(&self.service), &[]);
        self.service.traffic = traffic.to_vec();
        let statuses = serde_json::to_value(traffic).unwrap();
        self.service.traffic_statuses = serde_json::from_value(statuses).unwrap();
    }

    /// Plans the deletion as a deployment does, releases, and deletes.
    fn release(&mut self, share: Share, is_good: bool, random: &mut Random) {
        let tag = match share {
            Share::Everything | Share::Kept | Share::Preview => None,
            Share::Nothing => Some("next".to_owned()),
            Share::Percent(_) => Some("canary".to_owned()),
        };
        let wanted = Wanted { share, tag };
        let planned = self.plan(Some(NextRelease {
            makes_revision: true,
            share,
            image: None,
        }));
        let (digest, version) = self.prepare(random);
        let created = self.now();
        let name = format!("{SERVICE}-{:05}-abcdef", self.time);
        let state = if is_good {
            "CONDITION_SUCCEEDED"
        } else {
            "CONDITION_FAILED"
        };
        let revision = json!({
            "name": format!("p/revisions/{name}"),
            "createTime": created,
            "conditions": [{ "type": "Ready", "state": state }],
            "containers": [{ "image": format!("host/p/r/s@{digest}"), "env": [{
                "name": "KEY",
                "valueSource": { "secretKeyRef": { "secret": SECRET, "version": version.to_string() } },
            }] }],
        });
        let revision: Revision = serde_json::from_value(revision).unwrap();
        let current = self
            .service
            .latest_ready()
            .is_some()
            .then_some(&self.service);
        let traffic = wanted.targets(current, &name).unwrap();
        let full = Some(revision.name.clone());
        self.inventory.revisions.insert(0, revision);
        self.service.latest_created_revision.clone_from(&full);
        if is_good {
            self.service.latest_ready_revision = full;
            self.ready.insert(0, name);
            self.write(&traffic);
            self.delete(&planned, random);
        }
    }

    fn plan(&self, release: Option<NextRelease<'_>>) -> Cleanup {
        plan(
            Some(self.keep),
            SERVICE,
            Some(&self.service),
            &self.inventory,
            release,
        )
    }

    /// Deletes what was planned and still is not needed.
    fn delete(&mut self, planned: &Cleanup, random: &mut Random) {
        let target = self.rollback_target();
        let now = planned.intersection(&self.plan(None));
        self.inventory.revisions.retain(|one| {
            let is_old = now.revisions.iter().any(|name| name == one.short_name());
            !is_old || (self.is_refused_sometimes && random.below(8) == 0)
        });
        let now = planned.intersection(&unused(&self.service, &self.inventory));
        self.inventory
            .images
            .retain(|image| !now.images.contains(&image.digest));
        for version in &mut self.inventory.secret_versions {
            let is_old = now
                .secret_versions
                .iter()
                .any(|old| old.number == version.number);
            version.is_enabled &= !is_old;
        }
        let ready: Vec<_> = self.names();
        let still =
            history::rollback_target(&ready, self.serving(), &history::served(&self.service));
        assert_eq!(still, target, "the target of a rollback was deleted");
    }

    /// Returns the newest revision that serves.
    fn serving(&self) -> Option<&str> {
        let serving = serving(&self.service);
        let names = self.inventory.revisions.iter().map(Revision::short_name);
        let mut names = names.filter(|name| serving.iter().any(|(one, _)| one == name));
        names.next()
    }

    /// Returns the ready revisions that exist, newest first.
    fn names(&self) -> Vec<String> {
        let ready = self.inventory.revisions.iter().filter(|one| one.is_ready());
        ready.map(|one| one.short_name().to_owned()).collect()
    }

    /// Returns the target of a rollback.
    fn rollback_target(&self) -> Option<String> {
        history::rollback_target(
            &self.names(),
            self.serving(),
            &history::served(&self.service),
        )
    }

    /// Every revision that exists has its image and its secret, and all that serve or have a tag exist.
    fn assert_works(&self) {
        let names: BTreeSet<_> = self
            .inventory
            .revisions
            .iter()
            .map(Revision::short_name)
            .collect();
        let used = serving(&self.service).into_iter().map(|(name, _)| name);
        for name in used.chain(tags(&self.service).into_iter().map(|(_, name)| name)) {
            assert!(names.contains(&*name), "{name} was deleted");
        }
        for revision in &self.inventory.revisions {
            let container = &revision.containers[0];
            let images = &self.inventory.images;
            assert!(
                images
                    .iter()
                    .any(|image| container.image.ends_with(&format!("@{}", image.digest))),
                "no image of {revision:?}"
            );
            let version: u64 = container.env[0].secret().unwrap().version.parse().unwrap();
            let versions = &self.inventory.secret_versions;
            let mut versions = versions.iter().filter(|one| one.is_enabled);
            assert!(
                versions.any(|one| one.number == version),
                "no secret of {revision:?}"
            );
        }
    }
}

#[test]
fn every_rollback_target_works_after_random_histories() {
    let (mut deleted, mut rolled_back) = (0, 0);
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut project = Project::new(usize::try_from(random.below(4) + 1).unwrap());
        project.is_refused_sometimes = true;
        project.release(Share::Everything, true, &mut random);
        for _ in 0..STEPS {
            match random.below(9) {
                0..=2 => project.release(Share::Everything, true, &mut random),
                3 => project.release(Share::Everything, false, &mut random),
                4 => project.release(Share::Nothing, true, &mut random),
                5 => {
                    let percent = u8::try_from(random.below(99) + 1).unwrap();
                    project.release(Share::Percent(percent), true, &mut random);
                }
                6 => project.write(&traffic::latest(&project.service)),
                7 => {
                    if let Some(target) = project.rollback_target() {
                        rolled_back += 1;
                        project.write(&traffic::only(&project.service, &target));
                    }
                }
                _ => {
                    let names = project.names();
                    let index = usize::try_from(random.below(names.len() as u64)).unwrap();
                    project.write(&traffic::only(&project.service, &names[index]));
                }
            }
            project.assert_works();
        }
        deleted += project.ready.len() - project.names().len();
    }
    // The property is about deletions and rollbacks, so there must be many of them.
    assert!(
        deleted > 600 && rolled_back > 150,
        "{deleted}, {rolled_back}"
    );
}

#[test]
fn a_release_is_followed_by_nothing_more_to_delete() {
    let mut random = Random(7);
    let mut project = Project::new(2);
    for _ in 0..9 {
        project.release(Share::Everything, true, &mut random);
        assert_eq!(project.plan(None).revisions, Vec::<String>::new());
    }
    assert_eq!(project.names().len(), 2);
}

#[test]
fn what_mcpo_did_not_create_is_kept() {
    let mut random = Random(1);
    let mut project = Project::new(1);
    for _ in 0..6 {
        project.release(Share::Everything, true, &mut random);
        // The next deployment would delete it.
        project.keep = 100;
    }
    project.keep = 1;
    let all = project.plan(None);
    assert_eq!(all.revisions.len(), 4, "{all:?}");

    let revisions = &mut project.inventory.revisions;
    for revision in revisions.iter_mut() {
        revision.name = revision.name.replace("-abcdef", "-abc");
    }
    assert_eq!(project.plan(None).revisions, Vec::<String>::new());
    project.service.labels.clear();
    assert_eq!(project.plan(None), Cleanup::default());
    let service: Value = json!({ "labels": { "managed-by": "mcpo" } });
    project.service = serde_json::from_value(service).unwrap();
    // A revision names its image by a tag, which may lead to any image.
    project.inventory.revisions[0].containers[0].image = "host/p/r/s:latest".to_owned();
    assert_eq!(project.plan(None).images, Vec::<String>::new());
}
