//! After any sequence of releases, the traffic matches a small model.

use std::collections::{BTreeMap, BTreeSet};

use mcpo_test_support::google::Google;
use serde_json::Value;

use crate::project::{Project, SERVICE, google};

const COMMANDS: u32 = 50;
/// The model also rolls back to the oldest revisions.
const MANIFEST: &str = "[package.metadata.mcpo]\nkeep-revisions = \"all\"\n";

/// The expected state of the service.
#[derive(Clone, Debug, Default)]
struct Model {
    /// All revisions, oldest first.
    revisions: Vec<String>,
    /// Shares in percent, in the order in which they were assigned.
    serving: Vec<(String, i64)>,
    tags: BTreeMap<String, String>,
    /// The revisions that have served all requests.
    served: BTreeSet<String>,
    /// The tags of the previews. Their revisions are not among `revisions`.
    previews: BTreeSet<String>,
}

impl Model {
    fn release_all(&mut self, newest: &str) {
        self.revisions.push(newest.to_owned());
        self.only(newest.to_owned());
    }

    fn release_part(&mut self, newest: &str, percent: i64, tag: &str) {
        self.revisions.push(newest.to_owned());
        let sum = 100 - percent;
        let is_larger = |one: &(usize, i64), other: &(usize, i64)| one.1 > other.1;
        let mut main = (0, 0);
        for (index, (_, share)) in self.serving.iter().enumerate() {
            if is_larger(&(index, *share), &main) {
                main = (index, *share);
            }
        }
        let total: i64 = self.serving.iter().map(|(_, share)| share).sum();
        let mut serving = self.serving.clone();
        for (_, share) in &mut serving {
            *share = (*share * sum / total).max(1);
        }
        let others = serving.iter().enumerate();
        let others = others.filter(|(index, _)| *index != main.0);
        let rest = sum - others.map(|(_, (_, share))| share).sum::<i64>();
        if rest >= 1 {
            serving[main.0].1 = rest;
        } else {
            serving = vec![(serving[main.0].0.clone(), sum)];
        }
        serving.push((newest.to_owned(), percent));
        serving.retain(|(_, share)| *share > 0);
        self.serving = serving;
        self.tags.insert(tag.to_owned(), newest.to_owned());
    }

    /// Returns the newest revision that served all requests before the newest that serves now, or
    /// `None` if there is none.
    fn before(&self) -> Option<String> {
        let serves = |name: &&String| self.serving.iter().any(|(one, _)| one == *name);
        let newest = self.revisions.iter().rev().find(serves)?;
        let older = self
            .revisions
            .iter()
            .rev()
            .skip_while(|name| *name != newest);
        older
            .skip(1)
            .find(|name| self.served.contains(*name))
            .cloned()
    }

    fn only(&mut self, revision: String) {
        self.served.insert(revision.clone());
        self.serving = vec![(revision, 100)];
    }
}

/// Returns the shares and tags of the stand-in, with targets for the latest revision resolved.
fn shares_and_tags(google: &Google) -> (BTreeMap<String, i64>, BTreeMap<String, String>) {
    let service = google.resource(SERVICE);
    let latest = service["latestReadyRevision"].as_str().unwrap();
    let latest = latest.rsplit('/').next().unwrap();
    let (mut shares, mut tags) = (BTreeMap::new(), BTreeMap::new());
    for status in service["trafficStatuses"].as_array().unwrap() {
        let revision = status["revision"].as_str().unwrap_or(latest).to_owned();
        let percent = status["percent"].as_i64().unwrap_or(0);
        if let Some(tag) = status["tag"].as_str() {
            tags.insert(tag.to_owned(), revision.clone());
        }
        if percent > 0 {
            *shares.entry(revision).or_insert(0) += percent;
        }
    }
    (shares, tags)
}

/// Checks that the revisions that serve users have the settings of the service.
fn assert_serves_no_preview(google: &Google, shares: &BTreeMap<String, i64>) {
    for name in shares.keys() {
        let revision = google.resource(&format!("{SERVICE}/revisions/{name}"));
        assert!(revision["labels"]["mcpo-preview"].is_null(), "{revision}");
        let variables = revision["containers"][0]["env"].to_string();
        assert!(!variables.contains("preview"), "{variables}");
        assert!(!variables.contains("---"), "{variables}");
    }
}

fn newest(google: &Google) -> String {
    let service = google.resource(SERVICE);
    let name = service["latestCreatedRevision"]
        .as_str()
        .unwrap()
        .to_owned();
    name.rsplit('/').next().unwrap().to_owned()
}

#[test]
fn traffic_matches_the_model_after_random_commands() {
    let (google, project) = (google(), Project::with(MANIFEST));
    let mut model = Model::default();
    project.deploy(&google, &[]);
    model.release_all(&newest(&google));
    // Deterministic, so that failures are reproducible.
    let mut random: u64 = 0x5DEE_CE66;
    let mut draw = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for step in 0..COMMANDS {
        let version = format!("V={step}");
        let release = ["--env", version.as_str()];
        let done = match draw(11) {
            0 => {
                project.deploy(&google, &release);
                model.release_all(&newest(&google));
                "deploy"
            }
            1 => {
                let tag = ["next", "blue", "green"][usize::try_from(draw(3)).unwrap()];
                project.deploy(
                    &google,
                    &[&release[..], &["--no-traffic", "--tag", tag]].concat(),
                );
                model.release_part(&newest(&google), 0, tag);
                "no-traffic"
            }
            2 => {
                let percent = draw(99) + 1;
                let percent_text = percent.to_string();
                project.deploy(
                    &google,
                    &[&release[..], &["--canary", &percent_text]].concat(),
                );
                model.release_part(&newest(&google), i64::try_from(percent).unwrap(), "canary");
                "canary"
            }
            3 | 4 => {
                project.deploy(&google, &["--promote"]);
                model.only(model.revisions.last().unwrap().clone());
                "promote"
            }
            5 | 6 => {
                let result = project.run(&google, &["--rollback", "--no-verify"]);
                match model.before() {
                    Some(before) => {
                        result.has(0, &[]);
                        model.only(before);
                    }
                    None => result.has(2, &["no earlier revision"]),
                }
                "rollback"
            }
            7 | 8 => {
                let name = ["pr-1", "pr-2"][usize::try_from(draw(2)).unwrap()];
                project.deploy(&google, &[&release[..], &["--preview", name]].concat());
                model.tags.insert(name.to_owned(), newest(&google));
                model.previews.insert(name.to_owned());
                "preview"
            }
            9 => {
                let name = ["pr-1", "pr-2"][usize::try_from(draw(2)).unwrap()];
                project.deploy(&google, &["--delete", "--preview", name]);
                model.tags.remove(name);
                model.previews.remove(name);
                "delete a preview"
            }
            _ => {
                let result = project.run(&google, &["--status", "--json"]);
                result.has(0, &[]);
                let status: Value = serde_json::from_str(&result.stdout).unwrap();
                for revision in status["revisions"].as_array().unwrap() {
                    let name = revision["name"].as_str().unwrap();
                    let share = model.serving.iter().find(|(one, _)| one == name);
                    assert_eq!(
                        revision["percent"],
                        share.map_or(0, |(_, share)| *share),
                        "{name}"
                    );
                }
                assert!(status["drift"].is_null(), "{result}");
                let previews = status["previews"].as_array().unwrap().iter();
                let names: BTreeSet<_> = previews
                    .map(|preview| preview["name"].as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(names, model.previews);
                "status"
            }
        };
        let (shares, tags) = shares_and_tags(&google);
        let expected: BTreeMap<_, _> = model.serving.iter().cloned().collect();
        assert_eq!(shares, expected, "step {step}, {done}: {model:?}");
        assert_eq!(tags, model.tags, "step {step}, {done}: {model:?}");
        assert_serves_no_preview(&google, &shares);
    }
}
