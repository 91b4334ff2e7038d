//! The planned settings that decide about the cost.

use serde_json::Value;

use crate::{
    google::api::run::{Container, Service},
    names::Names,
    plan::{Versions, removed, service, without},
    settings::{Ledger, SecretSource, Settings, mebibytes, thousandths},
};

/// Cloud Run's limits for a container that sets none.
const DEFAULT_CPU: &str = "1";
const DEFAULT_MEMORY: &str = "512Mi";

/// What an estimate is made for.
#[derive(Clone, Debug)]
pub struct Workload {
    pub region: String,
    /// The CPUs of one instance.
    pub cpu: f64,
    pub memory_gib: f64,
    pub min_instances: u32,
    pub concurrency: u32,
    /// Whether instances cost the full price only while they process requests.
    pub is_billed_per_request: bool,
    /// The number of secrets that mcpo manages, each with one version.
    pub secrets: u32,
    /// In units of 10^9 bytes; `None` before the image is built.
    pub image_gb: Option<f64>,
    /// Whether the ledger is in a bucket.
    pub has_bucket: bool,
    /// Whether mcpo creates a Memorystore instance for the ledger.
    pub has_instance: bool,
}

impl Workload {
    /// Returns the planned workload. `None` if a container that mcpo did not create has limits in a
    /// unit that mcpo does not know.
    pub fn planned(
        settings: &Settings,
        names: &Names,
        current: Option<&Service>,
        image_bytes: Option<u64>,
    ) -> Option<Self> {
        let planned = service(settings, names, "", &Versions::default(), current);
        let template = planned.template.clone().unwrap_or_default();
        // Other containers of the service are kept, unless settings name or remove them.
        let kept = current.map(|current| without(current, &removed(current, &planned)));
        let kept = kept.as_ref().map_or(&[][..], Service::containers);
        let is_planned = |kept: &Container| {
            let name = kept.other.get("name");
            let mut planned = template.containers.iter().skip(1);
            name.is_some() && planned.any(|one| one.other.get("name") == name)
        };
        let kept = kept.iter().skip(1).filter(|one| !is_planned(one));
        let containers = template.containers.iter().chain(kept);
        let (mut cpu, mut memory) = (0_u32, 0_u32);
        for container in containers {
            cpu = cpu.saturating_add(thousandths(limit(container, "cpu", DEFAULT_CPU))?);
            memory = memory.saturating_add(mebibytes(limit(container, "memory", DEFAULT_MEMORY))?);
        }
        let first = template.containers.first();
        let resources = first.and_then(|container| container.resources.as_ref());
        let scaling = template.scaling.unwrap_or_default();
        let is_managed = |source: &SecretSource| !matches!(source, SecretSource::Existing { .. });
        let secrets = settings.secrets.iter();
        let secrets = secrets.filter(|secret| is_managed(&secret.source)).count();
        Some(Self {
            region: settings.region.clone(),
            cpu: f64::from(cpu) / 1000.0,
            memory_gib: f64::from(memory) / 1024.0,
            min_instances: scaling
                .min_instance_count
                .unwrap_or_default()
                .max(kept_instances(planned.scaling.as_ref()))
                .max(kept_instances(current.and_then(|it| it.scaling.as_ref()))),
            concurrency: template.max_instance_request_concurrency.unwrap_or(1),
            is_billed_per_request: resources.and_then(|it| it.cpu_idle).unwrap_or_default(),
            secrets: u32::try_from(secrets).unwrap_or(u32::MAX),
            image_gb: image_bytes.map(gigabytes),
            has_bucket: settings.ledger == Ledger::Bucket,
            has_instance: settings.ledger == Ledger::Memorystore(None),
        })
    }
}

fn limit<'a>(container: &'a Container, name: &str, default: &'a str) -> &'a str {
    let resources = container.resources.as_ref();
    let limit = resources.and_then(|resources| resources.limits.get(name));
    limit.map_or(default, String::as_str)
}

/// Returns the minimum number of instances of the whole service.
fn kept_instances(scaling: Option<&Value>) -> u32 {
    let count = scaling.and_then(|scaling| scaling.get("minInstanceCount"));
    let count = count.and_then(Value::as_u64).unwrap_or_default();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "images are far smaller than 2^53 bytes"
)]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
