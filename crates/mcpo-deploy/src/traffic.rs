//! Decides which revisions serve the requests: the latest one, an earlier one, or several in
//! proportion.
//!
//! In Google's status, a target for the latest revision has no revision name and refers to
//! `latestReadyRevision`. A tag on such a target follows the latest revision, and this module
//! preserves that.

use mcpo_common::error::{Failure, Outcome};
use serde_json::{Value, json};

use crate::google::is_equivalent;

/// The default tag of a revision that serves no requests.
pub const NEXT_TAG: &str = "next";

const LATEST: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
const REVISION: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";

/// The share and the tag of the new revision.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub share: Share,
    pub tag: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Everything,
    Nothing,
    Percent(u8),
}

impl Wanted {
    /// Returns the traffic targets for a service whose newest revision is `newest`.
    pub fn targets(&self, current: Option<&Value>, newest: &str) -> Outcome<Value> {
        let mut targets = match (self.share, current) {
            (Share::Everything, _) => vec![json!({ "type": LATEST, "percent": 100 })],
            (_, None) => {
                return Err(Failure::new("the first revision must serve all requests")
                    .hint("deploy it once without --no-traffic and --canary"));
            }
            (Share::Nothing, Some(current)) => scaled(&serving(current), newest, 100)?,
            (Share::Percent(percent), Some(current)) => {
                let percent = i64::from(percent);
                let mut targets = scaled(&serving(current), newest, 100 - percent)?;
                targets.push(json!({ "type": REVISION, "revision": newest, "percent": percent }));
                targets
            }
        };
        targets.extend(
            current
                .into_iter()
                .flat_map(|current| tag_targets(current, self.tag.as_deref())),
        );
        if let Some(tag) = &self.tag {
            targets.push(json!({ "type": REVISION, "revision": newest, "tag": tag }));
        }
        Ok(targets.into())
    }
}

/// Returns targets that send all requests to one revision.
pub fn only(current: &Value, revision: &str) -> Value {
    let mut targets = vec![json!({ "type": REVISION, "revision": revision, "percent": 100 })];
    targets.extend(tag_targets(current, None));
    targets.into()
}

/// Returns targets that send all requests to the latest revision.
pub fn latest(current: &Value) -> Value {
    let mut targets = vec![json!({ "type": LATEST, "percent": 100 })];
    targets.extend(tag_targets(current, None));
    targets.into()
}

/// Returns targets that keep the current shares and move `tag` to `revision`.
pub fn with_tag(current: &Value, tag: &str, revision: &str) -> Value {
    let shares = statuses(current).filter_map(|status| {
        let percent = status["percent"].as_i64().filter(|percent| *percent > 0)?;
        Some(match status["revision"].as_str() {
            Some(name) => json!({ "type": REVISION, "revision": name, "percent": percent }),
            None => json!({ "type": LATEST, "percent": percent }),
        })
    });
    let mut targets: Vec<_> = shares.collect();
    targets.extend(tag_targets(current, Some(tag)));
    targets.push(json!({ "type": REVISION, "revision": revision, "tag": tag }));
    targets.into()
}

/// Returns true if two lists of targets are equivalent. An empty list means that the latest
/// revision serves all requests.
pub fn same(one: &Value, other: &Value) -> bool {
    let everything = json!([{ "type": LATEST, "percent": 100 }]);
    let filled = |targets: &Value| match targets.as_array() {
        Some(list) if !list.is_empty() => targets.clone(),
        _ => everything.clone(),
    };
    is_equivalent(&filled(one), &filled(other))
}

/// Returns the revisions that serve now and their shares in percent.
pub fn serving(service: &Value) -> Vec<(String, i64)> {
    let mut found: Vec<(String, i64)> = Vec::new();
    for status in statuses(service) {
        let percent = status["percent"].as_i64().unwrap_or(0);
        let Some(revision) = revision(service, status).filter(|_| percent > 0) else {
            continue;
        };
        match found.iter_mut().find(|(name, _)| name == revision) {
            Some((_, share)) => *share += percent,
            None => found.push((revision.to_owned(), percent)),
        }
    }
    found
}

/// Returns all tags and their revisions.
pub fn tags(service: &Value) -> Vec<(String, String)> {
    let tagged = statuses(service).filter_map(|status| {
        let tag = status["tag"].as_str().filter(|tag| !tag.is_empty())?;
        Some((tag.to_owned(), revision(service, status)?.to_owned()))
    });
    tagged.collect()
}

/// Returns the short name of the latest revision that became ready.
pub fn latest_ready(service: &Value) -> Option<&str> {
    let name = service["latestReadyRevision"].as_str()?;
    name.rsplit('/').next().filter(|name| !name.is_empty())
}

fn statuses(service: &Value) -> impl Iterator<Item = &Value> {
    let statuses = service["trafficStatuses"].as_array();
    statuses.into_iter().flatten()
}

/// Returns the revision of a traffic status.
fn revision<'a>(service: &'a Value, status: &'a Value) -> Option<&'a str> {
    let named = status["revision"].as_str().filter(|name| !name.is_empty());
    named.or_else(|| latest_ready(service))
}

/// Scales the shares of the other revisions so that they add up to `sum`.
fn scaled(serving: &[(String, i64)], newest: &str, sum: i64) -> Outcome<Vec<Value>> {
    let others: Vec<_> = serving.iter().filter(|(name, _)| name != newest).collect();
    let total: i64 = others.iter().map(|(_, share)| share).sum();
    if total == 0 {
        return Err(Failure::new(
            "only this revision serves; no other revision can serve the rest of the requests",
        )
        .hint("change something first, or roll back with --rollback"));
    }
    let mut left = sum;
    let mut targets = Vec::new();
    for (index, (name, share)) in others.iter().enumerate() {
        let part = if index + 1 == others.len() {
            left
        } else {
            share * sum / total
        };
        left -= part;
        if part > 0 {
            targets.push(json!({ "type": REVISION, "revision": name, "percent": part }));
        }
    }
    Ok(targets)
}

/// Returns targets that keep all tags in place. A tag on the latest revision stays a tag on the
/// latest revision.
fn tag_targets(current: &Value, except: Option<&str>) -> Vec<Value> {
    statuses(current)
        .filter_map(|status| {
            let tag = status["tag"]
                .as_str()
                .filter(|tag| !tag.is_empty() && Some(*tag) != except)?;
            Some(match status["revision"].as_str() {
                Some(name) if !name.is_empty() => {
                    json!({ "type": REVISION, "revision": name, "tag": tag })
                }
                _ => json!({ "type": LATEST, "tag": tag }),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LATEST, REVISION, Share, Wanted, only, same, serving, tags, with_tag};

    fn wanted(share: Share, tag: Option<&str>) -> Wanted {
        Wanted {
            share,
            tag: tag.map(str::to_owned),
        }
    }

    /// Google's response after a plain deployment, with a tag on the latest revision.
    fn plain() -> Value {
        json!({ "latestReadyRevision": "p/revisions/b", "trafficStatuses": [
            { "type": LATEST, "percent": 100 }, { "type": LATEST, "tag": "live" },
            { "type": REVISION, "revision": "a", "tag": "old" },
        ] })
    }

    #[test]
    fn canary_keeps_the_proportions_of_the_serving_revisions() {
        let current = json!({ "trafficStatuses": [
            { "revision": "a", "percent": 70 }, { "revision": "b", "percent": 30 },
            { "revision": "a", "tag": "old" },
        ] });
        let targets = wanted(Share::Percent(10), None)
            .targets(Some(&current), "c")
            .unwrap();
        let shares: Vec<_> = targets
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["percent"].as_i64())
            .collect();
        assert_eq!(shares, [Some(63), Some(27), Some(10), None]);
        assert_eq!(
            serving(&current),
            [("a".to_owned(), 70), ("b".to_owned(), 30)]
        );
    }

    #[test]
    fn first_revision_cannot_be_deployed_without_traffic() {
        assert!(wanted(Share::Nothing, None).targets(None, "a").is_err());
    }

    #[test]
    fn status_of_the_latest_revision_means_the_latest_ready_one() {
        let current = plain();
        assert_eq!(serving(&current), [("b".to_owned(), 100)]);
        let expected = [("live", "b"), ("old", "a")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(tags(&current), expected);
        let targets = wanted(Share::Percent(10), Some("canary"))
            .targets(Some(&current), "c")
            .unwrap();
        let expected = json!([
            { "type": REVISION, "revision": "b", "percent": 90 },
            { "type": REVISION, "revision": "c", "percent": 10 },
            { "type": LATEST, "tag": "live" },
            { "type": REVISION, "revision": "a", "tag": "old" },
            { "type": REVISION, "revision": "c", "tag": "canary" },
        ]);
        assert_eq!(targets, expected);
    }

    #[test]
    fn tag_on_the_latest_revision_is_kept_until_it_is_moved() {
        let targets = only(&plain(), "a");
        assert_eq!(targets[1], json!({ "type": LATEST, "tag": "live" }));
        let targets = with_tag(&plain(), "live", "b");
        let expected = json!([
            { "type": LATEST, "percent": 100 },
            { "type": REVISION, "revision": "a", "tag": "old" },
            { "type": REVISION, "revision": "b", "tag": "live" },
        ]);
        assert_eq!(targets, expected);
    }

    #[test]
    fn missing_targets_equal_all_traffic_to_the_latest_revision() {
        let all = json!([{ "type": LATEST, "percent": 100 }]);
        assert!(same(&Value::Null, &all) && same(&json!([]), &all));
        assert!(!same(&all, &only(&plain(), "a")));
    }
}
