//! Records in the service which revisions have served users.
//!
//! Google does not report which revisions served in the past. A rollback without a name needs to
//! know it: an older revision may be one that a checked release has rejected. mcpo therefore keeps
//! a record in annotations of the service, which Google stores for tools and which create no
//! revision. Each write of the traffic also writes the annotations.

use mcpo_common::error::Outcome;

use crate::{
    google::api::{
        Labels,
        run::{Service, TrafficTarget, TrafficTargetStatus},
    },
    shares::{Shares, without},
    traffic::{CHECK_TAG, Share, Wanted, scaled, serving, tags},
};

/// The annotation with the revisions that served all requests, the last one last.
const SERVED: &str = "mcpo-served";
/// The annotation with the shares of the old revisions before a checked release, such as
/// `a=70,b=30`. It is removed when the release ends.
const BEFORE: &str = "mcpo-before";
/// The maximum number of revisions in the record.
const MOST: usize = 50;

/// Returns the annotations for the next write of the traffic. `before` are the shares that a
/// checked release restores if it fails; empty if the write is not part of one.
pub fn annotations(current: Option<&Service>, before: &[(String, i64)]) -> Labels {
    let Some(current) = current else {
        return Labels::new();
    };
    let mut annotations = current.annotations.clone();
    let served = served(current);
    if !served.is_empty() {
        annotations.insert(SERVED.to_owned(), served.join(","));
    }
    annotations.remove(BEFORE);
    if !before.is_empty() {
        let shares: Vec<_> = before
            .iter()
            .map(|(name, share)| format!("{name}={share}"))
            .collect();
        annotations.insert(BEFORE.to_owned(), shares.join(","));
    }
    annotations
}

/// Returns the revisions that have served all requests: the recorded ones, and the current one
/// unless it is still being checked.
pub fn served(service: &Service) -> Vec<String> {
    let recorded = service.annotations.get(SERVED);
    let recorded = recorded.map_or("", String::as_str);
    let mut served: Vec<_> = recorded
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if let [(name, _)] = &*serving(service)
        && !is_checked(service, name)
    {
        served.retain(|one| one != name);
        served.push(name.clone());
    }
    served.split_off(served.len().saturating_sub(MOST))
}

/// Returns true if a checked release of this revision has not ended.
pub fn is_checked(service: &Service, revision: &str) -> bool {
    let tags = tags(service);
    tags.iter()
        .any(|(tag, name)| tag == CHECK_TAG && name == revision)
}

/// Returns the shares to restore if a checked release of `revision` fails; they add up to 100, or
/// there are none. Rounding changes the proportions of small shares, so the recorded shares take
/// precedence if they are still valid.
pub fn before(service: &Service, revision: &str) -> Shares {
    let others = without(&serving(service), revision);
    let recorded = recorded_for(service, revision, &others);
    recorded.unwrap_or_else(|| scaled_shares(&others, revision, 100))
}

/// Returns the shares of the other revisions, scaled so that they add up to `sum`.
fn scaled_shares(shares: &[(String, i64)], revision: &str, sum: i64) -> Shares {
    let scaled = scaled(shares, revision, sum).unwrap_or_default();
    let scaled = scaled.into_iter();
    scaled
        .map(|target| (target.revision, target.percent))
        .collect()
}

/// Returns the shares that a checked release of `revision` has recorded, unless someone else has
/// changed the traffic since. The release scales the recorded shares at each step, so it is known
/// what serves after its last write.
fn recorded_for(service: &Service, revision: &str, others: &[(String, i64)]) -> Option<Shares> {
    let recorded = recorded(service);
    if !is_checked(service, revision) || recorded.is_empty() {
        return None;
    }
    let rest = others.iter().map(|(_, share)| share).sum();
    let mut written = scaled_shares(&recorded, revision, rest);
    let mut others = others.to_vec();
    written.sort();
    others.sort();
    (written == others).then_some(recorded)
}

/// Returns the traffic targets of a release of `newest`. If a checked release of another revision has
/// not ended, that revision has not passed all checks and gets no requests any more.
pub fn targets(
    wanted: &Wanted,
    current: Option<&Service>,
    newest: &str,
) -> Outcome<Vec<TrafficTarget>> {
    let restored = match (wanted.share, current) {
        (Share::Preview, _) | (_, None) => None,
        (_, Some(current)) => interrupted(current, newest).map(|(_, restored)| restored),
    };
    wanted.targets(restored.as_ref().or(current), newest)
}

/// Returns the revision of a checked release that has not ended, other than that of `newest`, and the
/// service with the traffic of before. A revision that already serves all requests has passed the
/// checks at all smaller shares, and keeps them.
pub fn interrupted(current: &Service, newest: &str) -> Option<(String, Service)> {
    let serving = serving(current);
    let is_interrupted =
        |name: &String| name != newest && serving.iter().any(|(revision, _)| revision == name);
    let tagged = tags(current).into_iter();
    let mut checked = tagged.filter(|(tag, _)| tag == CHECK_TAG);
    let name = checked.next().map(|(_, name)| name);
    let name = name.filter(is_interrupted)?;
    let others = without(&serving, &name);
    if others.is_empty() || recorded(current).is_empty() {
        return None;
    }
    let shares = before(current, &name);
    let shares = shares.iter().map(|(name, share)| TrafficTargetStatus {
        target: TrafficTarget::revision(name, *share),
        ..TrafficTargetStatus::default()
    });
    let tags = current.traffic_statuses.iter().cloned();
    let tags = tags.filter(|status| !status.target.tag.is_empty());
    let tags = tags.map(|mut status| {
        status.target.percent = 0;
        status
    });
    let restored = Service {
        traffic_statuses: shares.chain(tags).collect(),
        ..current.clone()
    };
    Some((name, restored))
}

/// Returns the revision to which a rollback without a name leads: the newest one that is older than
/// `now` and has served. `ready` are the revisions that became ready, newest first.
pub fn rollback_target(ready: &[String], now: Option<&str>, served: &[String]) -> Option<String> {
    let from_now = ready.iter().skip_while(|name| Some(name.as_str()) != now);
    let mut older = from_now.skip(1);
    older.find(|name| served.contains(name)).cloned()
}

/// Returns the revisions that a checked release in progress restores if it fails.
pub fn recorded_before(service: &Service) -> Vec<String> {
    let recorded = recorded(service).into_iter();
    recorded.map(|(name, _)| name).collect()
}

/// Returns the recorded shares, or nothing if they are not a valid allocation.
fn recorded(service: &Service) -> Shares {
    let text = service.annotations.get(BEFORE).map_or("", String::as_str);
    let shares = text.split(',').map(|share| {
        let (name, share) = share.split_once('=')?;
        let share: i64 = share.parse().ok()?;
        (1..=100).contains(&share).then(|| (name.to_owned(), share))
    });
    let shares: Shares = shares.collect::<Option<_>>().unwrap_or_default();
    let sum: i64 = shares.iter().map(|(_, share)| share).sum();
    if sum == 100 { shares } else { Shares::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Service, Share, TrafficTarget, Wanted, annotations, before, served, targets};

    fn service(traffic: &Value, annotations: &Value) -> Service {
        let service = json!({
            "latestReadyRevision": "p/revisions/c",
            "trafficStatuses": traffic,
            "annotations": annotations,
        });
        serde_json::from_value(service).unwrap()
    }

    #[test]
    fn only_a_revision_that_served_all_requests_is_recorded() {
        let latest = service(
            &json!([{ "percent": 100 }]),
            &json!({ "mcpo-served": "a,c,b" }),
        );
        assert_eq!(served(&latest), ["a", "b", "c"]);
        let canary =
            json!([{ "revision": "a", "percent": 90 }, { "revision": "c", "percent": 10 }]);
        assert_eq!(served(&service(&canary, &json!({}))), Vec::<String>::new());
        let checked =
            json!([{ "revision": "c", "percent": 100 }, { "revision": "c", "tag": "mcpo" }]);
        assert_eq!(served(&service(&checked, &json!({}))), Vec::<String>::new());
    }

    #[test]
    fn annotations_of_other_tools_are_kept() {
        let current = service(
            &json!([{ "percent": 100 }]),
            &json!({ "team": "x", "mcpo-before": "a=100" }),
        );
        let expected = json!({ "team": "x", "mcpo-served": "c" });
        assert_eq!(json!(annotations(Some(&current), &[])), expected);
        let shares = [("a".to_owned(), 70), ("b".to_owned(), 30)];
        let expected = json!({ "team": "x", "mcpo-served": "c", "mcpo-before": "a=70,b=30" });
        assert_eq!(json!(annotations(Some(&current), &shares)), expected);
    }

    #[test]
    fn shares_before_a_checked_release_survive_a_kill() {
        let tag = json!({ "revision": "c", "tag": "mcpo" });
        let recorded = json!({ "mcpo-before": "a=97,b=3" });
        let read =
            |traffic: &Value, annotations: &Value| before(&service(traffic, annotations), "c");
        let exact = [("a".to_owned(), 97), ("b".to_owned(), 3)];
        let all = json!([{ "revision": "c", "percent": 100 }, tag]);
        assert_eq!(read(&all, &recorded), exact);
        let half = json!([
            { "revision": "a", "percent": 49 }, { "revision": "b", "percent": 1 },
            { "revision": "c", "percent": 50 }, tag,
        ]);
        assert_eq!(read(&half, &recorded), exact);
        // The rest is too small for two revisions.
        let almost_all = json!([
            { "revision": "a", "percent": 1 }, { "revision": "c", "percent": 99 }, tag,
        ]);
        assert_eq!(read(&almost_all, &recorded), exact);
        // Someone else has changed the traffic since, or the record is not valid.
        let changed = json!([
            { "revision": "a", "percent": 20 }, { "revision": "b", "percent": 30 },
            { "revision": "c", "percent": 50 }, tag,
        ]);
        let in_all = [("a".to_owned(), 40), ("b".to_owned(), 60)];
        assert_eq!(read(&changed, &recorded), in_all);
        // A canary continues as a checked release.
        let canary =
            json!([{ "revision": "a", "percent": 90 }, { "revision": "c", "percent": 10 }]);
        assert_eq!(read(&canary, &json!({})), [("a".to_owned(), 100)]);
        let other = json!([{ "revision": "d", "percent": 100 }, tag]);
        assert_eq!(read(&other, &recorded), [("d".to_owned(), 100)]);
        let invalid = json!({ "mcpo-before": "d=50" });
        assert_eq!(read(&other, &invalid), [("d".to_owned(), 100)]);
    }

    #[test]
    fn revision_of_an_interrupted_release_gets_no_share_of_the_next_one() {
        let traffic = json!([
            { "revision": "a", "percent": 63 }, { "revision": "b", "percent": 27 },
            { "revision": "c", "percent": 10 }, { "revision": "c", "tag": "mcpo" },
            { "revision": "b", "tag": "stable" },
        ]);
        let recorded = json!({ "mcpo-before": "a=70,b=30" });
        let interrupted = service(&traffic, &recorded);
        let shares = |service: &Service, newest: &str, share: Share| {
            let wanted = Wanted {
                share,
                tag: Some("mcpo".to_owned()),
            };
            let targets = targets(&wanted, Some(service), newest).unwrap();
            let described = targets.iter().map(|target| {
                let TrafficTarget {
                    revision,
                    percent,
                    tag,
                    ..
                } = target;
                format!("{revision} {percent} {tag}")
            });
            described.collect::<Vec<_>>()
        };
        let expected = ["a 70 ", "b 30 ", "b 0 stable", "d 0 mcpo"];
        assert_eq!(shares(&interrupted, "d", Share::Kept), expected);
        let canary = ["a 63 ", "b 27 ", "d 10 ", "b 0 stable", "d 0 mcpo"];
        assert_eq!(shares(&interrupted, "d", Share::Percent(10)), canary);
        // The same release continues.
        let continued = ["a 63 ", "b 27 ", "c 10 ", "b 0 stable", "c 0 mcpo"];
        assert_eq!(shares(&interrupted, "c", Share::Kept), continued);
        // A revision that serves all requests stays.
        let all = json!([{ "revision": "c", "percent": 100 }, { "revision": "c", "tag": "mcpo" }]);
        let kept_all = ["c 100 ", "d 0 mcpo"];
        assert_eq!(
            shares(&service(&all, &recorded), "d", Share::Kept),
            kept_all
        );
        // Someone else has changed the shares since: their proportions stay.
        let changed = json!([
            { "revision": "a", "percent": 20 }, { "revision": "b", "percent": 30 },
            { "revision": "c", "percent": 50 }, { "revision": "c", "tag": "mcpo" },
        ]);
        let in_all = ["a 40 ", "b 60 ", "d 0 mcpo"];
        let changed = service(&changed, &recorded);
        assert_eq!(shares(&changed, "d", Share::Kept), in_all);
        // Without a record, nothing is known to restore.
        let unknown = service(&traffic, &json!({}));
        let kept = ["a 63 ", "b 27 ", "c 10 ", "b 0 stable", "d 0 mcpo"];
        assert_eq!(shares(&unknown, "d", Share::Kept), kept);
    }
}
