//! The previews of a service.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::{age, view::Found};
use crate::{
    google::api::run::{Revision, Service, TrafficTarget},
    labels::PREVIEW_LABEL,
    names::Names,
};

/// A preview that is reachable.
#[derive(Clone, Debug)]
pub struct Preview {
    pub tag: String,
    /// The short name of its revision.
    pub revision: String,
    /// RFC 3339, in UTC; empty if Google does not say.
    pub created: String,
}

/// Returns the previews, newest first.
pub fn list(found: &Found) -> Vec<Preview> {
    let previews = found.revisions.iter().filter_map(|revision| {
        let tag = tag_of(revision)?;
        is_tagged(&found.service, tag, revision.short_name()).then(|| Preview {
            tag: tag.to_owned(),
            revision: revision.short_name().to_owned(),
            created: revision.create_time.clone().unwrap_or_default(),
        })
    });
    previews.collect()
}

/// Returns the tag of the preview that a revision was made for.
pub fn tag_of(revision: &Revision) -> Option<&str> {
    revision.labels.get(PREVIEW_LABEL).map(String::as_str)
}

/// Returns true if the tag leads to the revision, or will as soon as the revision is ready.
pub fn is_tagged(service: &Service, tag: &str, revision: &str) -> bool {
    let statuses = service.traffic_statuses.iter().map(|status| &status.target);
    let mut targets = service.traffic.iter().chain(statuses);
    targets.any(|target| target.tag == tag && target.revision == revision)
}

/// Returns true if a share of the requests or a tag other than this one leads to the revision.
pub fn has_other_target(service: &Service, revision: &str, tag: &str) -> bool {
    let statuses = service.traffic_statuses.iter().map(|status| &status.target);
    let mut targets = service.traffic.iter().chain(statuses);
    let is_other = |target: &TrafficTarget| target.percent > 0 || target.tag != tag;
    targets.any(|target| target.revision == revision && is_other(target))
}

/// Returns true if a share of the requests or a tag leads to the revision, or soon will.
pub fn is_used(service: &Service, revision: &str) -> bool {
    let statuses = service.traffic_statuses.iter().map(|status| &status.target);
    let mut targets = service.traffic.iter().chain(statuses);
    targets.any(|target| target.revision == revision)
}

impl Preview {
    /// Returns the line of `--status`.
    pub fn line(&self, names: &Names) -> String {
        format!(
            "preview {}  {}/mcp  {} old  {}",
            self.tag,
            names.tag_url(&self.tag),
            age::in_words(&self.created, SystemTime::now()),
            self.revision
        )
    }

    /// Returns the preview for the JSON reports.
    pub fn as_json(&self, names: &Names) -> Value {
        json!({
            "name": self.tag,
            "url": format!("{}/mcp", names.tag_url(&self.tag)),
            "revision": self.revision,
            "created": self.created,
        })
    }
}
