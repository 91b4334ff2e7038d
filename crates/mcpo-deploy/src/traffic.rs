//! Decides which revisions serve the requests: the latest one, an earlier one, or several in
//! proportion.
//!
//! In Google's status, a target for the latest revision has no revision name and refers to
//! `latestReadyRevision`. A tag on such a target follows the latest revision, and this module
//! preserves that.

use std::collections::{BTreeMap, BTreeSet};

use mcpo_common::error::{Failure, Outcome};

use crate::google::api::run::{AllocationType, Service, TrafficTarget};

/// The default tag of a revision that serves no requests.
pub const NEXT_TAG: &str = "next";

/// The default tag of a revision that serves a part of the requests.
pub const CANARY_TAG: &str = "canary";

/// The tag of a new revision during a checked release, and after one that failed. A later change of
/// the traffic removes it or moves it to another revision.
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
    /// As `Kept`, for a preview: all other tags stay, too.
    Preview,
    Percent(u8),
}

impl Wanted {
    /// Returns the traffic targets for a service whose newest revision is `newest`.
    pub fn targets(&self, current: Option<&Service>, newest: &str) -> Outcome<Vec<TrafficTarget>> {
        if let (Share::Preview, Some(current), Some(tag)) = (self.share, current, &self.tag) {
            return Ok(with_preview(current, tag, newest));
        }
        let mut targets = match (self.share, current) {
            (Share::Everything, _) => vec![TrafficTarget::latest(100)],
            (_, None) => {
                return Err(Failure::new("the first revision must serve all requests")
                    .hint("deploy it once without --no-traffic and --canary"));
            }
            (Share::Kept | Share::Preview, Some(current)) => as_targets(&serving(current)),
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

/// Returns targets that change nothing but the tag of a preview. An empty name of the revision removes
/// the tag. The tag of a checked release stays, because that release may not have ended.
pub fn with_preview(current: &Service, tag: &str, revision: &str) -> Vec<TrafficTarget> {
    let mut targets = Vec::new();
    for status in statuses(current) {
        let mut target = target(status, status.percent);
        if status.tag != tag {
            target = target.with_tag(&status.tag);
        }
        if target.percent > 0 || !target.tag.is_empty() {
            targets.push(target);
        }
    }
    if !revision.is_empty() {
        targets.push(TrafficTarget::revision(revision, 0).with_tag(tag));
    }
    targets
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

/// Returns targets that send all requests to one revision, which has the tag.
pub fn only_tagged(current: &Service, tag: &str, revision: &str) -> Vec<TrafficTarget> {
    let mut targets = vec![TrafficTarget::revision(revision, 100)];
    targets.extend(tag_targets(current, Some(tag)));
    targets.push(TrafficTarget::revision(revision, 0).with_tag(tag));
    targets
}

/// Returns targets that keep the current shares and move `tag` to `revision`.
pub fn with_tag(current: &Service, tag: &str, revision: &str) -> Vec<TrafficTarget> {
    let shares = statuses(current).filter(|status| status.percent > 0);
    let mut targets: Vec<_> = shares
        .map(|status| target(status, status.percent))
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
/// revision serves all requests. The order has no meaning, and a target may have both a share and a
/// tag.
pub fn same(one: &[TrafficTarget], other: &[TrafficTarget]) -> bool {
    let everything = [TrafficTarget::latest(100)];
    let content = |targets: &[TrafficTarget]| {
        let targets = match targets {
            [] => everything.as_slice(),
            _ => targets,
        };
        let mut shares = BTreeMap::new();
        let mut tags = BTreeSet::new();
        for target in targets {
            let revision = (target.kind.clone(), target.revision.clone());
            if !target.tag.is_empty() {
                tags.insert((target.tag.clone(), revision.clone()));
            }
            if target.percent > 0 {
                *shares.entry(revision).or_insert(0) += target.percent;
            }
        }
        (shares, tags)
    };
    content(one) == content(other)
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

/// Returns the revision of a traffic status. The meaning of a type that this version does not know
/// is unknown.
fn revision<'a>(service: &'a Service, status: &'a TrafficTarget) -> Option<&'a str> {
    match (&status.kind, &*status.revision) {
        (AllocationType::Other(_), "") => None,
        (_, "") => service.latest_ready(),
        (_, name) => Some(name),
    }
}

/// Returns the target of a status with this share and without a tag. The status has no revision
/// name if it is for the latest revision.
fn target(status: &TrafficTarget, percent: i64) -> TrafficTarget {
    match (&status.kind, &*status.revision) {
        (AllocationType::Other(_), _) => TrafficTarget {
            percent,
            tag: String::new(),
            ..status.clone()
        },
        (_, "") => TrafficTarget::latest(percent),
        (_, name) => TrafficTarget::revision(name, percent),
    }
}

fn as_targets(shares: &[(String, i64)]) -> Vec<TrafficTarget> {
    let shares = shares.iter();
    shares
        .map(|(name, share)| TrafficTarget::revision(name, *share))
        .collect()
}

/// Scales the shares of the other revisions so that they add up to `sum`, with at least 1 % each. If
/// `sum` is too small for that, the revision with the largest share gets all of it. Returns no target
/// if `sum` is 0.
pub fn scaled(serving: &[(String, i64)], newest: &str, sum: i64) -> Outcome<Vec<TrafficTarget>> {
    let others: Vec<_> = serving.iter().filter(|(name, _)| name != newest).collect();
    let total: i64 = others.iter().map(|(_, share)| share).sum();
    if total == 0 {
        return Err(Failure::new(
            "only this revision serves; no other revision can serve the rest of the requests",
        )
        .hint("change something first, or roll back with --rollback"));
    }
    // No share may vanish by rounding: the revision would no longer count as one that serves.
    let mut parts: Vec<(&str, i64)> = others
        .iter()
        .map(|(name, share)| (name.as_str(), i64::max(1, share * sum / total)))
        .collect();
    let excess = parts.iter().map(|(_, part)| part).sum::<i64>() - sum;
    let largest = parts.iter_mut().rev().max_by_key(|(_, part)| *part);
    if let Some((_, part)) = largest {
        *part -= excess;
    }
    if parts.iter().any(|(_, part)| *part < 1) {
        let main = others.iter().max_by_key(|(_, share)| *share);
        parts = main
            .map(|(name, _)| (name.as_str(), sum))
            .into_iter()
            .filter(|_| sum > 0)
            .collect();
    }
    let parts = parts.into_iter();
    Ok(parts
        .map(|(name, part)| TrafficTarget::revision(name, part))
        .collect())
}

/// Returns targets that keep all tags in place, except the tag of a checked release. A tag on the
/// latest revision stays a tag on the latest revision.
fn tag_targets(current: &Service, except: Option<&str>) -> Vec<TrafficTarget> {
    statuses(current)
        .filter(|status| !matches!(&*status.tag, "" | CHECK_TAG))
        .filter(|status| Some(&*status.tag) != except)
        .map(|status| target(status, 0).with_tag(&status.tag))
        .collect()
}

#[cfg(test)]
mod tests;
