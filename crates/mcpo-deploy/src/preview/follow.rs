//! Records which traffic targets follow the latest revision while that revision is a preview.
//!
//! For Google, "the latest revision" is the latest one that became ready, also if it is a preview.
//! A target that follows it would send users to a preview. So the targets name a revision meanwhile,
//! and an annotation of the service records that they should follow the latest one.

use mcpo_common::error::{Failure, Outcome};

use crate::google::api::{
    Labels,
    run::{AllocationType, Service, TrafficTarget},
};

/// The annotation: the named revision, and the targets that name it in place of the latest one. `%`
/// is the share of the requests, everything else is a tag. Example: `tiny-00003-1a2b3c=%,live`.
const FOLLOW: &str = "mcpo-follows-latest";
const SHARE: &str = "%";

/// Returns true if the service has a record.
pub fn is_recorded(service: &Service) -> bool {
    service.annotations.contains_key(FOLLOW)
}

/// Returns the targets and annotations of the next write. If the latest revision is a preview,
/// targets that follow the latest revision name `to`. Fails if there is none: Google would send the
/// requests to the preview.
pub fn pinned(
    service: &Service,
    targets: &[TrafficTarget],
    to: &str,
    mut annotations: Labels,
) -> Outcome<(Vec<TrafficTarget>, Labels)> {
    annotations.remove(FOLLOW);
    if !service.hides_ready {
        return Ok((targets.to_vec(), annotations));
    }
    if to.is_empty() {
        return Err(Failure::new("no revision of the service is ready")
            .hint("deploy the service without --preview first; its latest revision is a preview"));
    }
    let (targets, record) = pin(targets, to);
    if let Some(record) = record {
        annotations.insert(FOLLOW.to_owned(), record);
    }
    Ok((targets, annotations))
}

/// Lets the targets of a service name `to`, and adds the record.
pub fn pin_service(service: &mut Service, to: &str) {
    if to.is_empty() {
        return;
    }
    let (traffic, of_traffic) = pin(&service.traffic, to);
    service.traffic = traffic;
    let statuses: Vec<_> = service
        .traffic_statuses
        .iter()
        .map(|one| one.target.clone())
        .collect();
    let (targets, of_statuses) = pin(&statuses, to);
    for (status, target) in service.traffic_statuses.iter_mut().zip(targets) {
        status.target = target;
    }
    service.annotations.remove(FOLLOW);
    if let Some(record) = of_statuses.or(of_traffic) {
        service.annotations.insert(FOLLOW.to_owned(), record);
    }
}

fn pin(targets: &[TrafficTarget], to: &str) -> (Vec<TrafficTarget>, Option<String>) {
    // A service without targets sends all requests to the latest revision.
    let all = [TrafficTarget::latest(100)];
    let targets = if targets.is_empty() {
        &all[..]
    } else {
        targets
    };
    let mut followers = Vec::new();
    let pinned = targets.iter().map(|target| {
        if target.kind != AllocationType::Latest {
            return target.clone();
        }
        if target.percent > 0 {
            followers.push(SHARE);
        }
        if !target.tag.is_empty() {
            followers.push(&target.tag);
        }
        TrafficTarget::revision(to, target.percent).with_tag(&target.tag)
    });
    let pinned = pinned.collect();
    followers.dedup();
    let record = (!followers.is_empty()).then(|| format!("{to}={}", followers.join(",")));
    (pinned, record)
}

/// Lets the targets that are recorded follow the latest revision again, if the revision that they
/// name is the latest one that is not a preview. Removes the record.
pub fn unpin_service(service: &mut Service) {
    let Some(record) = service.annotations.remove(FOLLOW) else {
        return;
    };
    let named = record.split('=').next().unwrap_or_default();
    // A write that is not in effect yet names a revision that is not ready yet.
    if named == service.latest_created() || service.latest_ready() == Some(named) {
        service.traffic = unpin(&service.traffic, &record);
    }
    // If the last release did not start, the targets still name the revision from before it.
    let latest = service.latest_ready().unwrap_or_default();
    let of_latest = record.replacen(named, latest, 1);
    let statuses: Vec<_> = service
        .traffic_statuses
        .iter()
        .map(|one| one.target.clone())
        .collect();
    let restored = unpin(&statuses, &of_latest);
    for (status, target) in service.traffic_statuses.iter_mut().zip(restored) {
        status.target = target;
    }
}

/// Returns the targets as they are without previews: those that the annotations record follow the
/// latest revision.
pub fn unpinned(targets: &[TrafficTarget], annotations: &Labels) -> Vec<TrafficTarget> {
    match annotations.get(FOLLOW) {
        Some(record) => unpin(targets, record),
        None => targets.to_vec(),
    }
}

fn unpin(targets: &[TrafficTarget], record: &str) -> Vec<TrafficTarget> {
    let (named, followers) = record.split_once('=').unwrap_or_default();
    let follows = |name: &str| followers.split(',').any(|follower| follower == name);
    let restored = targets.iter().map(|target| {
        let is_follower = (target.percent > 0 && follows(SHARE))
            || (!target.tag.is_empty() && follows(&target.tag));
        if target.revision == named && is_follower {
            TrafficTarget::latest(target.percent).with_tag(&target.tag)
        } else {
            target.clone()
        }
    });
    restored.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{FOLLOW, Labels, Service, TrafficTarget, pin_service, pinned, unpin_service};

    fn targets() -> Vec<TrafficTarget> {
        vec![
            TrafficTarget::latest(90),
            TrafficTarget::revision("a", 10),
            TrafficTarget::latest(0).with_tag("live"),
            TrafficTarget::revision("a", 0).with_tag("old"),
        ]
    }

    fn service(latest: &str) -> Service {
        let latest = format!("p/revisions/{latest}");
        let service = json!({
            "latestCreatedRevision": latest, "latestReadyRevision": latest, "traffic": targets(),
            "trafficStatuses": targets(),
        });
        serde_json::from_value(service).unwrap()
    }

    #[test]
    fn targets_follow_the_latest_revision_again_after_the_preview() {
        let mut with_preview = service("b");
        pin_service(&mut with_preview, "b");
        assert_eq!(with_preview.annotations[FOLLOW], "b=%,live");
        assert_eq!(with_preview.traffic[0], TrafficTarget::revision("b", 90));
        assert_eq!(with_preview.traffic_statuses[2].target.revision, "b");
        unpin_service(&mut with_preview);
        assert_eq!(with_preview.traffic, targets());
        assert_eq!(with_preview.traffic_statuses[0].target, targets()[0]);
        assert!(with_preview.annotations.is_empty());
    }

    #[test]
    fn target_of_an_earlier_revision_does_not_follow_the_latest_one() {
        let mut service = service("b");
        pin_service(&mut service, "b");
        // Another tool has released a revision meanwhile.
        service.latest_created_revision = Some("p/revisions/c".to_owned());
        service.latest_ready_revision = Some("p/revisions/c".to_owned());
        unpin_service(&mut service);
        assert_eq!(service.traffic[0], TrafficTarget::revision("b", 90));
    }

    #[test]
    fn targets_are_pinned_only_while_a_preview_is_the_latest_revision() {
        let mut service = service("b");
        let (traffic, annotations) = pinned(&service, &targets(), "b", Labels::new()).unwrap();
        assert_eq!((traffic, annotations.len()), (targets(), 0));
        service.hides_ready = true;
        assert!(pinned(&service, &targets(), "", Labels::new()).is_err());
        let (traffic, annotations) = pinned(&service, &[], "b", Labels::new()).unwrap();
        assert_eq!(traffic, [TrafficTarget::revision("b", 100)]);
        assert_eq!(annotations[FOLLOW], "b=%");
    }
}
