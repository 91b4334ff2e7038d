//! Decides which revisions serve the requests: the latest one, an earlier one, or several in
//! proportion.
//!
//! In Google's status, a target for the latest revision has no revision name and refers to
//! `latestReadyRevision`. A tag on such a target follows the latest revision, and this module
//! preserves that.

use mcpo_common::error::{Failure, Outcome};

use crate::google::api::run::{Service, TrafficTarget};

/// The default tag of a revision that serves no requests.
pub const NEXT_TAG: &str = "next";

/// The tag of a new revision during a checked release. Every later change of the traffic removes it.
pub const CHECK_TAG: &str = "mcpo";

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
    /// The shares stay as they are, also that of the latest revision if it is not new.
    Kept,
    Percent(u8),
}

impl Wanted {
    /// Returns the traffic targets for a service whose newest revision is `newest`.
    pub fn targets(&self, current: Option<&Service>, newest: &str) -> Outcome<Vec<TrafficTarget>> {
        let mut targets = match (self.share, current) {
            (Share::Everything, _) => vec![TrafficTarget::latest(100)],
            (_, None) => {
                return Err(Failure::new("the first revision must serve all requests")
                    .hint("deploy it once without --no-traffic and --canary"));
            }
            (Share::Kept, Some(current)) => as_targets(&serving(current)),
            (Share::Nothing, Some(current)) => scaled(&serving(current), newest, 100)?,
            (Share::Percent(percent), Some(current)) => {
                let percent = i64::from(percent);
                let mut targets = scaled(&serving(current), newest, 100 - percent)?;
                targets.push(TrafficTarget::revision(newest, percent));
                targets
            }
        };
        if let Some(current) = current {
            targets.extend(tag_targets(current, self.tag.as_deref()));
        }
        if let Some(tag) = &self.tag {
            targets.push(TrafficTarget::revision(newest, 0).with_tag(tag));
        }
        Ok(targets)
    }
}

/// Returns targets that send all requests to one revision.
pub fn only(current: &Service, revision: &str) -> Vec<TrafficTarget> {
    let mut targets = vec![TrafficTarget::revision(revision, 100)];
    targets.extend(tag_targets(current, None));
    targets
}

/// Returns targets that send all requests to the latest revision.
pub fn latest(current: &Service) -> Vec<TrafficTarget> {
    let mut targets = vec![TrafficTarget::latest(100)];
    targets.extend(tag_targets(current, None));
    targets
}

/// Returns targets that keep the current shares and move `tag` to `revision`.
pub fn with_tag(current: &Service, tag: &str, revision: &str) -> Vec<TrafficTarget> {
    let shares = statuses(current).filter(|status| status.percent > 0);
    let mut targets: Vec<_> = shares
        .map(|status| match &*status.revision {
            "" => TrafficTarget::latest(status.percent),
            name => TrafficTarget::revision(name, status.percent),
        })
        .collect();
    targets.extend(tag_targets(current, Some(tag)));
    targets.push(TrafficTarget::revision(revision, 0).with_tag(tag));
    targets
}

/// Returns targets that send `percent` of the requests to `newest`, and the others to the revisions
/// in `old` in proportion to their shares. `newest` has the tag.
pub fn shared(
    current: &Service,
    old: &[(String, i64)],
    newest: &str,
    percent: i64,
    tag: &str,
) -> Outcome<Vec<TrafficTarget>> {
    let mut targets = scaled(old, newest, 100 - percent)?;
    if percent > 0 {
        targets.push(TrafficTarget::revision(newest, percent));
    }
    targets.extend(tag_targets(current, Some(tag)));
    targets.push(TrafficTarget::revision(newest, 0).with_tag(tag));
    Ok(targets)
}

/// Returns the share of a revision in percent.
pub fn share_of(service: &Service, revision: &str) -> i64 {
    let serving = serving(service);
    let found = serving.iter().find(|(name, _)| name == revision);
    found.map_or(0, |(_, share)| *share)
}

/// Returns true if two lists of targets are equivalent. An empty list means that the latest
/// revision serves all requests.
pub fn same(one: &[TrafficTarget], other: &[TrafficTarget]) -> bool {
    let everything = [TrafficTarget::latest(100)];
    let filled = |targets: &[TrafficTarget]| match targets {
        [] => everything.to_vec(),
        _ => targets.to_vec(),
    };
    filled(one) == filled(other)
}

/// Returns the revisions that serve now and their shares in percent.
pub fn serving(service: &Service) -> Vec<(String, i64)> {
    let mut found: Vec<(String, i64)> = Vec::new();
    for status in statuses(service).filter(|status| status.percent > 0) {
        let Some(revision) = revision(service, status) else {
            continue;
        };
        match found.iter_mut().find(|(name, _)| name == revision) {
            Some((_, share)) => *share += status.percent,
            None => found.push((revision.to_owned(), status.percent)),
        }
    }
    found
}

/// Returns all tags and their revisions.
pub fn tags(service: &Service) -> Vec<(String, String)> {
    let tagged = statuses(service).filter(|status| !status.tag.is_empty());
    tagged
        .filter_map(|status| {
            let revision = revision(service, status)?;
            Some((status.tag.clone(), revision.to_owned()))
        })
        .collect()
}

fn statuses(service: &Service) -> impl Iterator<Item = &TrafficTarget> {
    service.traffic_statuses.iter().map(|status| &status.target)
}

/// Returns the revision of a traffic status.
fn revision<'a>(service: &'a Service, status: &'a TrafficTarget) -> Option<&'a str> {
    match &*status.revision {
        "" => service.latest_ready(),
        name => Some(name),
    }
}

fn as_targets(shares: &[(String, i64)]) -> Vec<TrafficTarget> {
    let shares = shares.iter();
    shares
        .map(|(name, share)| TrafficTarget::revision(name, *share))
        .collect()
}

/// Scales the shares of the other revisions so that they add up to `sum`.
fn scaled(serving: &[(String, i64)], newest: &str, sum: i64) -> Outcome<Vec<TrafficTarget>> {
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
            targets.push(TrafficTarget::revision(name, part));
        }
    }
    Ok(targets)
}

/// Returns targets that keep all tags in place, except the tag of a checked release. A tag on the
/// latest revision stays a tag on the latest revision.
fn tag_targets(current: &Service, except: Option<&str>) -> Vec<TrafficTarget> {
    statuses(current)
        .filter(|status| !matches!(&*status.tag, "" | CHECK_TAG))
        .filter(|status| Some(&*status.tag) != except)
        .map(|status| {
            let target = match &*status.revision {
                "" => TrafficTarget::latest(0),
                name => TrafficTarget::revision(name, 0),
            };
            target.with_tag(&status.tag)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        CHECK_TAG, Service, Share, TrafficTarget, Wanted, only, same, serving, shared, tags,
        with_tag,
    };

    const LATEST: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
    const REVISION: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";

    fn service(text: Value) -> Service {
        serde_json::from_value(text).unwrap()
    }

    fn json_of(targets: &[TrafficTarget]) -> Value {
        serde_json::to_value(targets).unwrap()
    }

    fn wanted(share: Share, tag: Option<&str>) -> Wanted {
        Wanted {
            share,
            tag: tag.map(str::to_owned),
        }
    }

    /// Google's response after a plain deployment, with a tag on the latest revision.
    fn plain() -> Service {
        service(
            json!({ "latestReadyRevision": "p/revisions/b", "trafficStatuses": [
            { "type": LATEST, "percent": 100 }, { "type": LATEST, "tag": "live" },
            { "type": REVISION, "revision": "a", "tag": "old" },
        ] }),
        )
    }

    #[test]
    fn canary_keeps_the_proportions_of_the_serving_revisions() {
        let current = service(json!({ "trafficStatuses": [
            { "revision": "a", "percent": 70 }, { "revision": "b", "percent": 30 },
            { "revision": "a", "tag": "old" },
        ] }));
        let targets = wanted(Share::Percent(10), None)
            .targets(Some(&current), "c")
            .unwrap();
        let shares: Vec<_> = targets.iter().map(|one| one.percent).collect();
        assert_eq!(shares, [63, 27, 10, 0]);
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
        assert_eq!(json_of(&targets), expected);
    }

    #[test]
    fn tag_on_the_latest_revision_is_kept_until_it_is_moved() {
        let targets = only(&plain(), "a");
        assert_eq!(targets[1], TrafficTarget::latest(0).with_tag("live"));
        let targets = with_tag(&plain(), "live", "b");
        let expected = json!([
            { "type": LATEST, "percent": 100 },
            { "type": REVISION, "revision": "a", "tag": "old" },
            { "type": REVISION, "revision": "b", "tag": "live" },
        ]);
        assert_eq!(json_of(&targets), expected);
    }

    #[test]
    fn checked_release_scales_the_old_shares_and_removes_its_tag_at_the_end() {
        let current = service(
            json!({ "latestReadyRevision": "p/revisions/c", "trafficStatuses": [
            { "type": REVISION, "revision": "a", "percent": 70 },
            { "type": REVISION, "revision": "b", "percent": 30 },
            { "type": LATEST, "tag": "live" },
            { "type": REVISION, "revision": "c", "tag": CHECK_TAG },
        ] }),
        );
        let first = wanted(Share::Kept, Some(CHECK_TAG));
        let old = serving(&current);
        let back = shared(&current, &old, "c", 0, CHECK_TAG).unwrap();
        assert_eq!(first.targets(Some(&current), "c").unwrap(), back);
        let part = shared(&current, &old, "c", 10, CHECK_TAG).unwrap();
        let expected = json!([
            { "type": REVISION, "revision": "a", "percent": 63 },
            { "type": REVISION, "revision": "b", "percent": 27 },
            { "type": REVISION, "revision": "c", "percent": 10 },
            { "type": LATEST, "tag": "live" },
            { "type": REVISION, "revision": "c", "tag": CHECK_TAG },
        ]);
        assert_eq!(json_of(&part), expected);
        let end = wanted(Share::Everything, None).targets(Some(&current), "c");
        let expected =
            json!([{ "type": LATEST, "percent": 100 }, { "type": LATEST, "tag": "live" }]);
        assert_eq!(json_of(&end.unwrap()), expected);
    }

    #[test]
    fn missing_targets_equal_all_traffic_to_the_latest_revision() {
        let all = [TrafficTarget::latest(100)];
        assert!(same(&[], &all));
        assert!(!same(&all, &only(&plain(), "a")));
    }
}
