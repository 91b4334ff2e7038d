//! Shows a service as it is without its previews.

use crate::{
    google::{
        Google, GoogleError,
        api::{
            last_segment,
            run::{
                AllocationType, Container, ListRevisionsResponse, Revision, Service, TrafficTarget,
            },
        },
        method,
    },
    labels::PREVIEW_LABEL,
    names::Names,
    traffic,
};

use super::{follow, list::tag_of};

/// A service without its previews.
pub struct Found {
    pub service: Service,
    /// All revisions, newest first. Empty if the service has no preview.
    pub revisions: Vec<Revision>,
    /// The short names of the revisions that are the latest ones for Google: created, and ready.
    pub latest: [String; 2],
}

/// Reads the service. `None` if it does not exist.
pub async fn read(google: &Google, names: &Names) -> Result<Option<Found>, GoogleError> {
    let path = format!("v2/{}", names.service());
    match google.find(&method::SERVICE_GET, &path).await? {
        Some(service) => complete(google, names, service).await.map(Some),
        None => Ok(None),
    }
}

/// Reads the revisions of the service if it has previews, and leaves the previews out.
pub async fn complete(
    google: &Google,
    names: &Names,
    service: Service,
) -> Result<Found, GoogleError> {
    let revisions = if names.preview().is_some() || has_signs(&service) {
        let path = format!("v2/{}/revisions", names.service());
        let listed = google.list::<ListRevisionsResponse>(&method::REVISIONS_LIST, &path);
        let mut revisions = listed.await?;
        revisions.sort_by(|one, other| other.create_time.cmp(&one.create_time));
        revisions
    } else {
        Vec::new()
    };
    Ok(found(service, revisions))
}

fn found(service: Service, revisions: Vec<Revision>) -> Found {
    let created = service.latest_created().to_owned();
    let ready = service.latest_ready().unwrap_or_default().to_owned();
    Found {
        service: without_previews(service, &revisions),
        revisions,
        latest: [created, ready],
    }
}

/// Returns true if the service may have a preview. Each sign alone may be missing: the template is
/// that of a later revision, or another tool has removed the annotation.
fn has_signs(service: &Service) -> bool {
    let template = service.template.as_ref();
    let mut statuses = service.traffic_statuses.iter();
    let is_template = template.is_some_and(|it| it.labels.contains_key(PREVIEW_LABEL));
    is_template
        || follow::is_recorded(service)
        || service.latest_ready().is_some_and(is_name_of_preview)
        || service.traffic.iter().any(is_address)
        || statuses.any(|status| is_address(&status.target))
}

/// Returns true for a name in the form that mcpo gives to the revisions of previews.
fn is_name_of_preview(name: &str) -> bool {
    let hash = name.rsplit('-').next().unwrap_or_default();
    let digits = hash.strip_prefix('p').unwrap_or_default();
    digits.len() == 6 && digits.chars().all(|c| c.is_ascii_hexdigit())
}

/// Returns true for a target that only gives a preview its address.
fn is_address(target: &TrafficTarget) -> bool {
    target.percent == 0 && is_name_of_preview(&target.revision)
}

/// Returns the targets without those that only give a preview its address.
pub fn without_preview_tags(targets: &[TrafficTarget]) -> Vec<TrafficTarget> {
    let others = targets.iter().filter(|target| !is_address(target));
    others.cloned().collect()
}

/// Returns the targets with the addresses of the previews that the service has.
pub fn with_previews_of(targets: &[TrafficTarget], service: &Service) -> Vec<TrafficTarget> {
    let mut targets = without_preview_tags(targets);
    let addresses = service.traffic.iter().filter(|target| is_address(target));
    targets.extend(addresses.cloned());
    targets
}

/// Returns true if the later state of the service has the same releases and the same traffic.
pub fn differ_only_in_previews(before: &Service, now: &Service) -> bool {
    let [one, other] = [before, now].map(|service| without_preview_tags(&service.traffic));
    traffic::same(&one, &other)
        && !traffic::same(&before.traffic, &now.traffic)
        && before.latest_created_revision == now.latest_created_revision
        && before.latest_ready_revision == now.latest_ready_revision
}

fn without_previews(mut service: Service, revisions: &[Revision]) -> Service {
    let preview = |name: &str| {
        let mut all = revisions.iter();
        let found = all.find(|one| one.short_name() == name);
        found.is_some_and(is_preview)
    };
    let mut others = revisions.iter().filter(|one| !is_preview(one));
    if preview(service.latest_created()) {
        service.hides_template = true;
        if let Some(base) = others.clone().next() {
            service.template = Some(base.template());
            service.latest_created_revision = Some(base.name.clone());
            service.terminal_condition = base.readiness();
        } else if let Some(template) = &mut service.template {
            template.labels.remove(PREVIEW_LABEL);
        }
    }
    if let Some(ready) = service.latest_ready().map(str::to_owned)
        && preview(&ready)
    {
        service.hides_ready = true;
        // Someone else lets a target follow the latest revision: it leads to the preview.
        let named = |target: &mut TrafficTarget| {
            if target.kind == AllocationType::Latest {
                *target = TrafficTarget::revision(&ready, target.percent).with_tag(&target.tag);
            }
        };
        service.traffic.iter_mut().for_each(named);
        let statuses = service.traffic_statuses.iter_mut();
        statuses.for_each(|status| named(&mut status.target));
        let earlier = others.find(|one| one.is_ready());
        service.latest_ready_revision = earlier.map(|one| one.name.clone());
    }
    follow::unpin_service(&mut service);
    service
}

/// Returns true if the revision was made for a preview.
pub fn is_preview(revision: &Revision) -> bool {
    revision.labels.contains_key(PREVIEW_LABEL)
}

impl Found {
    /// Returns the containers of the latest revision of the service, or of the preview that the names
    /// are for.
    pub fn containers(&self, names: &Names) -> &[Container] {
        let Some(tag) = names.preview() else {
            return self.service.containers();
        };
        let mut revisions = self.revisions.iter();
        let own = revisions.find(|one| tag_of(one) == Some(tag));
        own.map_or(&[], |own| &own.containers)
    }

    /// Returns true if the revision is the latest one for Google, which cannot be deleted.
    pub fn is_latest(&self, revision: &Revision) -> bool {
        self.latest
            .iter()
            .any(|name| name == last_segment(&revision.name))
    }
}
