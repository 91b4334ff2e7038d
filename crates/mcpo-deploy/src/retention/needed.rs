//! Decides which revisions are needed, and which images and secret versions revisions use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    google::api::{
        last_segment,
        run::{Container, Service},
    },
    history,
    traffic::{serving, tags},
};

/// The length of the digest at the end of a revision's name.
const HASH: usize = 6;
/// The least number of digits of the generation in a revision's name.
const DIGITS: usize = 5;

/// Returns the revisions that must exist with all settings: those with requests or a tag,
/// now or as soon as the service has settled; the latest ones; and those that a checked release
/// restores if it fails.
pub fn in_use(service: &Service) -> BTreeSet<String> {
    let targets = service.traffic.iter();
    let targets = targets.map(|target| target.revision.clone());
    let latest = [
        service.latest_created().to_owned(),
        service.latest_ready().unwrap_or_default().to_owned(),
    ];
    let serving = serving(service).into_iter().map(|(name, _)| name);
    let tagged = tags(service).into_iter().map(|(_, name)| name);
    let before = history::recorded_before(service);
    serving
        .chain(tagged)
        .chain(targets)
        .chain(latest)
        .chain(before)
        .filter(|name| !name.is_empty())
        .collect()
}

/// Returns true if mcpo gave the revision its name. Cloud Run and gcloud end generated names with
/// three letters.
pub fn is_named_by_mcpo(revision: &str, service: &str) -> bool {
    let prefix = service.get(..49).unwrap_or(service);
    let rest = revision
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'));
    let Some((digits, hash)) = rest.and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let is_hash = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    digits.len() >= DIGITS
        && digits.chars().all(|c| c.is_ascii_digit())
        && hash.len() == HASH
        && hash.chars().all(is_hash)
}

/// What revisions use.
#[derive(Debug, Default)]
pub struct Uses {
    /// The digests of images.
    pub images: BTreeSet<String>,
    /// Images that are named by a tag, which may lead to any digest.
    pub has_tagged_image: bool,
    /// The used versions of each secret, by its id. `None`: a version is named by an alias, which
    /// may lead to any version.
    pub versions: BTreeMap<String, Option<BTreeSet<u64>>>,
}

impl Uses {
    /// Adds what a revision or a template uses.
    pub fn add(&mut self, containers: &[Container], volumes: &[Value]) {
        for container in containers {
            match container.image.split_once('@') {
                Some((_, digest)) => {
                    self.images.insert(digest.to_owned());
                }
                None => self.has_tagged_image = true,
            }
            for secret in container
                .env
                .iter()
                .filter_map(|variable| variable.secret())
            {
                self.add_version(&secret.secret, &secret.version);
            }
        }
        for volume in volumes {
            let source = &volume["secret"];
            let Some(secret) = source["secret"].as_str() else {
                continue;
            };
            let items = source["items"].as_array().into_iter().flatten();
            for item in items {
                self.add_version(secret, item["version"].as_str().unwrap_or_default());
            }
        }
    }

    fn add_version(&mut self, secret: &str, version: &str) {
        let id = last_segment(secret).to_owned();
        let none = || Some(BTreeSet::new());
        let versions = self.versions.entry(id).or_insert_with(none);
        match (version, version.parse()) {
            // The latest version is always kept.
            ("" | "latest", _) => {}
            (_, Ok(number)) => {
                if let Some(versions) = versions {
                    versions.insert(number);
                }
            }
            (_, Err(_)) => *versions = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Uses, is_named_by_mcpo};

    #[test]
    fn only_names_of_mcpo_are_recognized() {
        let is_ours = |name| is_named_by_mcpo(name, "tiny");
        assert!(is_ours("tiny-00001-1a2b3c") && is_ours("tiny-123456-ffffff"));
        for other in [
            "tiny-00001-abc",
            "tiny-00001-1a2b3g",
            "tiny-0001-1a2b3c",
            "tiny-x-00001-1a2b3c",
            "other-00001-1a2b3c",
            "tiny-blue",
            "tiny",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn versions_of_variables_and_volumes_are_used() {
        let containers = json!([{
            "image": "host/p/r/s@sha256:1",
            "env": [
                { "name": "A", "valueSource": { "secretKeyRef": { "secret": "a", "version": "3" } } },
                { "name": "B", "valueSource": { "secretKeyRef": { "secret": "projects/1/secrets/b" } } },
                { "name": "C", "valueSource": { "secretKeyRef": { "secret": "c", "version": "blue" } } },
            ],
        }]);
        let volume = json!({ "name": "v", "secret": {
            "secret": "a", "items": [{ "path": "p", "version": "5" }, { "path": "q" }],
        } });
        let mut uses = Uses::default();
        let containers: Vec<_> = serde_json::from_value(containers).unwrap();
        uses.add(&containers, &[volume]);
        let found: Vec<_> = uses.versions.into_iter().collect();
        let expected = [
            ("a".to_owned(), Some([3, 5].into())),
            ("b".to_owned(), Some([].into())),
            ("c".to_owned(), None),
        ];
        assert_eq!(found, expected);
        assert_eq!(uses.images, ["sha256:1".to_owned()].into());
        assert!(!uses.has_tagged_image);
    }
}
