//! Shows a service as a preview sees it: its latest revision is that of the preview.

use mcpo_common::error::{Failure, Outcome};

use super::{
    follow,
    list::{is_tagged, tag_of},
    removal::Removal,
    view::Found,
};
use crate::{
    google::api::run::{Revision, RevisionTemplate, Service},
    names::Names,
};

/// What a deployment of a preview needs to know in addition to its own service.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The template of the service without previews, which the preview is laid over.
    pub base: RevisionTemplate,
    /// What is removed with this deployment.
    pub removal: Removal,
}

/// Returns the service as this preview sees it. Its traffic leaves out the previews that are removed.
pub fn of_this_preview(found: Found, removal: Removal, names: &Names) -> Outcome<(Service, Seen)> {
    let tag = names.preview().unwrap_or_default();
    let Found {
        service, revisions, ..
    } = found;
    let Some(serving) = service.latest_ready().map(str::to_owned) else {
        return Err(Failure::new(format!(
            "service {} has no revision that works",
            names.service_id
        ))
        .hint("deploy the service first, without --preview"));
    };
    check_tag(&service, tag, |revision| {
        let mut all = revisions.iter();
        all.any(|one| one.short_name() == revision && tag_of(one) == Some(tag))
    })?;
    let own = revisions.iter().find(|one| tag_of(one) == Some(tag));
    let has_address = own.is_some_and(|own| is_tagged(&service, tag, own.short_name()));
    let base = service.template.clone().unwrap_or_default();
    let mut service = service;
    follow::pin_service(&mut service, &serving);
    service.traffic_statuses.retain_mut(|status| {
        if removal.tags.contains(&status.target.tag) {
            status.target.tag.clear();
        }
        status.target.percent > 0 || !status.target.tag.is_empty()
    });
    // The revision of a preview that was deleted has lost its secrets.
    let own = own.filter(|_| has_address || removal.has_secrets(tag));
    service.template = own.map(Revision::template);
    service.latest_created_revision = own.map(|own| own.name.clone());
    let ready = own.filter(|own| own.is_ready());
    service.latest_ready_revision = ready.map(|own| own.name.clone());
    if let Some(own) = own {
        service.terminal_condition = own.readiness();
    }
    Ok((service, Seen { base, removal }))
}

/// Fails if the tag leads to a revision of the service itself.
fn check_tag(service: &Service, tag: &str, is_ours: impl Fn(&str) -> bool) -> Outcome<()> {
    let statuses = service.traffic_statuses.iter().map(|status| &status.target);
    let mut targets = service.traffic.iter().chain(statuses);
    if !targets.any(|target| target.tag == tag && !is_ours(&target.revision)) {
        return Ok(());
    }
    let what = format!("the tag {tag} is in use, but not for a preview");
    Err(Failure::new(what).hint("choose another name for the preview"))
}
