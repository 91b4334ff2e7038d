use serde_json::{Value, json};

use super::{
    CHECK_TAG, Service, Share, TrafficTarget, Wanted, only, same, serving, shared, tags, with_tag,
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
fn small_shares_do_not_vanish_by_rounding() {
    let old = [("a", 94), ("b", 5), ("c", 1)].map(|(name, share)| (name.to_owned(), share));
    let shares = |percent| -> Vec<_> {
        let targets = shared(&plain(), &old, "d", percent, CHECK_TAG).unwrap();
        let shares = targets.iter().filter(|one| one.percent > 0);
        shares
            .map(|one| (one.revision.clone(), one.percent))
            .collect()
    };
    let named = |shares: &[(&str, i64)]| -> Vec<_> {
        let shares = shares.iter();
        shares
            .map(|(name, share)| ((*name).to_owned(), *share))
            .collect()
    };
    assert_eq!(
        shares(10),
        named(&[("a", 85), ("b", 4), ("c", 1), ("d", 10)])
    );
    assert_eq!(
        shares(96),
        named(&[("a", 2), ("b", 1), ("c", 1), ("d", 96)])
    );
    assert_eq!(shares(98), named(&[("a", 2), ("d", 98)]));
    assert_eq!(shares(0), named(&[("a", 94), ("b", 5), ("c", 1)]));
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
fn unknown_types_are_not_taken_for_the_latest_revision() {
    let new = "TRAFFIC_TARGET_ALLOCATION_TYPE_NEW";
    let current = service(
        json!({ "latestReadyRevision": "p/revisions/b", "trafficStatuses": [
        { "type": LATEST, "percent": 90 }, { "type": new, "percent": 10 },
        { "type": new, "tag": "live" },
    ] }),
    );
    assert_eq!(serving(&current), [("b".to_owned(), 90)]);
    assert_eq!(tags(&current), []);
    let expected = json!([
        { "type": LATEST, "percent": 90 }, { "type": new, "percent": 10 },
        { "type": new, "tag": "live" },
        { "type": REVISION, "revision": "b", "tag": "next" },
    ]);
    assert_eq!(json_of(&with_tag(&current, "next", "b")), expected);
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
    let expected = json!([{ "type": LATEST, "percent": 100 }, { "type": LATEST, "tag": "live" }]);
    assert_eq!(json_of(&end.unwrap()), expected);
}

#[test]
fn missing_targets_equal_all_traffic_to_the_latest_revision() {
    let all = [TrafficTarget::latest(100)];
    assert!(same(&[], &all));
    assert!(!same(&all, &only(&plain(), "a")));
}

#[test]
fn order_of_targets_has_no_meaning() {
    let part = |revision, percent| TrafficTarget::revision(revision, percent);
    let written = [part("a", 90), part("b", 10), part("b", 0).with_tag("mcpo")];
    assert!(same(
        &written,
        &[part("b", 10).with_tag("mcpo"), part("a", 90)]
    ));
    assert!(!same(&written, &[part("a", 90), part("b", 10)]));
    let other_tag = [part("a", 90).with_tag("mcpo"), part("b", 10)];
    assert!(!same(&written, &other_tag));
    let other_share = [part("a", 80), part("b", 20), part("b", 0).with_tag("mcpo")];
    assert!(!same(&written, &other_share));
}
