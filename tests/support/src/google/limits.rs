//! The limits that Google documents and enforces, in one table.
//!
//! Each entry names its source: a field in the discovery documents in `fixtures/google-apis`, or a
//! page of <https://cloud.google.com>. No other part of the stand-in rejects a value because of its
//! size or form.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::ApiError;

/// The kind of resource that a limit applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Cloud Run service, in its state after the call.
    Service,
    /// An Artifact Registry repository.
    Repository,
    /// A secret.
    Secret,
    /// A bucket.
    Bucket,
    /// A service account: the body of `serviceAccounts.create`.
    Account,
    /// An IAM policy.
    Policy,
}

/// The resource to check.
pub struct Subject<'a> {
    /// The short name chosen by the caller.
    pub id: &'a str,
    /// The region in the request's path; empty if the path has none.
    pub location: &'a str,
    /// The resource.
    pub body: &'a Value,
}

struct Limit {
    kind: Kind,
    message: &'static str,
    /// Where Google documents the limit.
    #[expect(dead_code, reason = "for the reader of the table")]
    source: &'static str,
    holds: fn(&Subject<'_>) -> bool,
}

/// Returns an error if the resource exceeds a limit.
pub fn check(kind: Kind, subject: &Subject<'_>) -> Result<(), ApiError> {
    let broken = LIMITS
        .iter()
        .find(|limit| limit.kind == kind && !(limit.holds)(subject));
    match broken {
        Some(limit) => Err(ApiError::new(400, limit.message)),
        None => Ok(()),
    }
}

const LIMITS: &[Limit] = &[
    Limit {
        kind: Kind::Service,
        message: "service_id must be at most 49 lower-case letters, digits and hyphens, a letter first, no hyphen last",
        source: "run.projects.locations.services.create, serviceId",
        holds: |it| is_name(it.id, 49),
    },
    Limit {
        kind: Kind::Service,
        message: "location is not valid",
        source: "run/docs/locations",
        holds: |it| REGIONS.contains(&it.location),
    },
    Limit {
        kind: Kind::Service,
        message: "template.containers[0].image is required",
        source: "GoogleCloudRunV2Container.image",
        holds: |it| {
            containers(it)
                .iter()
                .all(|container| !text(&container["image"]).is_empty())
                && !containers(it).is_empty()
        },
    },
    Limit {
        kind: Kind::Service,
        message: "template.containers: exactly one container must have a port",
        source: "run/docs/deploying#sidecars",
        holds: |it| {
            let with_ports = containers(it)
                .iter()
                .filter(|one| !list(&one["ports"]).is_empty());
            let with_ports = with_ports.count();
            with_ports == 1 || (with_ports == 0 && containers(it).len() == 1)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "ports: at most one port, 1 to 65535",
        source: "GoogleCloudRunV2ContainerPort.containerPort",
        holds: |it| {
            containers(it).iter().all(|container| {
                let ports = list(&container["ports"]);
                ports.len() <= 1
                    && ports
                        .iter()
                        .all(|port| is_within(&port["containerPort"], 1, 65_535))
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "description must be at most 512 characters",
        source: "GoogleCloudRunV2Service.description",
        holds: |it| text(&it.body["description"]).chars().count() <= 512,
    },
    Limit {
        kind: Kind::Service,
        message: "labels: invalid key or value",
        source: "resource-manager/docs/labels-overview#requirements",
        holds: |it| are_labels(&it.body["labels"]) && are_labels(&it.body["template"]["labels"]),
    },
    Limit {
        kind: Kind::Service,
        message: "labels and annotations of run.googleapis.com, cloud.googleapis.com, serving.knative.dev and autoscaling.knative.dev are not supported in the v2 API",
        source: "GoogleCloudRunV2Service.annotations and .labels",
        holds: |it| {
            let template = &it.body["template"];
            [
                &it.body["annotations"],
                &it.body["labels"],
                &template["annotations"],
                &template["labels"],
            ]
            .into_iter()
            .flat_map(keys)
            .all(|key| {
                !SYSTEM_NAMESPACES
                    .iter()
                    .any(|prefix| key.starts_with(prefix))
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "env: the name is empty, reserved or contains =",
        source: "run/docs/configuring/services/environment-variables#reserved",
        holds: |it| {
            variables(it).iter().all(|variable| {
                let name = text(&variable["name"]);
                !name.is_empty()
                    && !name.contains(['=', '\0'])
                    && !name.starts_with("X_GOOGLE_")
                    && !RESERVED_VARIABLES.contains(&name)
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "env: a name appears twice",
        source: "GoogleCloudRunV2EnvVar.name",
        holds: |it| {
            containers(it).iter().all(|container| {
                let mut names = BTreeSet::new();
                list(&container["env"])
                    .iter()
                    .all(|variable| names.insert(text(&variable["name"])))
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "env: a variable has both a value and a value source",
        source: "GoogleCloudRunV2EnvVar, oneof values",
        holds: |it| {
            variables(it)
                .iter()
                .all(|one| one["value"].is_null() || one["valueSource"].is_null())
        },
    },
    Limit {
        kind: Kind::Service,
        message: "env: a value is larger than 32 KiB",
        source: "GoogleCloudRunV2EnvVar.value; run/quotas",
        holds: |it| {
            variables(it)
                .iter()
                .all(|one| text(&one["value"]).len() <= 32 * 1024)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "env: at most 1000 variables",
        source: "run/quotas",
        holds: |it| {
            containers(it)
                .iter()
                .all(|container| list(&container["env"]).len() <= 1000)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "Invalid value specified for cpu. The following cpu values are supported: 0.08 to 1, 1, 2, 4, 6, 8",
        source: "run/docs/configuring/services/cpu",
        holds: |it| {
            cpu(it).is_some_and(|cpu| {
                (80..1000).contains(&cpu) || [1000, 2000, 4000, 6000, 8000].contains(&cpu)
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "Invalid value specified for memory. It must be at least 128Mi, and 512Mi in the second generation",
        source: "run/docs/configuring/services/memory-limits#memory-minimum",
        holds: |it| {
            let least = if is_second_generation(it) { 512 } else { 128 };
            memory(it).is_some_and(|memory| memory >= least)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "Invalid value specified for cpu and memory. This memory needs more cpu",
        source: "run/docs/configuring/services/memory-limits#cpu-minimum",
        holds: |it| {
            let (Some(cpu), Some(memory)) = (cpu(it), memory(it)) else {
                return false;
            };
            let least = match memory {
                ..=512 => 80,
                513..=1024 => 500,
                1025..=4096 => 1000,
                4097..=8192 => 2000,
                8193..=16_384 => 4000,
                16_385..=24_576 => 6000,
                24_577..=32_768 => 8000,
                _ => u64::MAX,
            };
            cpu >= least
        },
    },
    Limit {
        kind: Kind::Service,
        message: "Invalid value specified for cpu and memory. 4 cpu need at least 2Gi, 6 and 8 cpu at least 4Gi",
        source: "run/docs/configuring/services/cpu",
        holds: |it| {
            let least = match cpu(it) {
                Some(4000) => 2048,
                Some(6000 | 8000) => 4096,
                _ => 0,
            };
            memory(it).is_some_and(|memory| memory >= least)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "Total cpu < 1 is not supported with concurrency > 1",
        source: "run/docs/configuring/services/cpu",
        holds: |it| {
            let most = &it.body["template"]["maxInstanceRequestConcurrency"];
            cpu(it).is_none_or(|cpu| cpu >= 1000) || most.as_i64() == Some(1)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "Total cpu < 1 is not supported with the second generation or with cpu always allocated",
        source: "run/docs/configuring/services/cpu",
        holds: |it| {
            let is_always_on = container(it)["resources"]["cpuIdle"] == false
                || (container(it)["resources"].is_object()
                    && container(it)["resources"]["cpuIdle"].is_null());
            cpu(it).is_none_or(|cpu| cpu >= 1000) || (!is_second_generation(it) && !is_always_on)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "timeout must be at most 3600s",
        source: "GoogleCloudRunV2RevisionTemplate.timeout",
        holds: |it| {
            let seconds = text(&it.body["template"]["timeout"]);
            let seconds = seconds.trim_end_matches('s').parse::<f64>();
            seconds.is_ok_and(|seconds| (1.0..=3600.0).contains(&seconds))
                || it.body["template"]["timeout"].is_null()
        },
    },
    Limit {
        kind: Kind::Service,
        message: "max_instance_request_concurrency must be at most 1000",
        source: "run/docs/about-concurrency#maximum_concurrent_requests_per_instance",
        holds: |it| {
            let most = &it.body["template"]["maxInstanceRequestConcurrency"];
            is_within_or_absent(most, 0, 1000)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "scaling: min_instance_count must not be greater than max_instance_count",
        source: "GoogleCloudRunV2RevisionScaling",
        holds: |it| {
            let scaling = &it.body["template"]["scaling"];
            let count = |name: &str| scaling[name].as_i64().unwrap_or(0);
            let (least, most) = (count("minInstanceCount"), count("maxInstanceCount"));
            least >= 0 && most >= 0 && (most == 0 || least <= most)
        },
    },
    Limit {
        kind: Kind::Service,
        message: "probe: exactly one of httpGet, tcpSocket and grpc",
        source: "GoogleCloudRunV2Probe, oneof probe_type",
        holds: |it| {
            probes(it).iter().all(|probe| {
                let kinds = ["httpGet", "tcpSocket", "grpc"];
                kinds
                    .iter()
                    .filter(|kind| probe[**kind].is_object())
                    .count()
                    <= 1
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "probe: timeout_seconds must not be greater than period_seconds",
        source: "GoogleCloudRunV2Probe.timeoutSeconds",
        holds: |it| {
            probes(it).iter().all(|probe| {
                let timeout = probe["timeoutSeconds"].as_i64().unwrap_or(1);
                timeout <= probe["periodSeconds"].as_i64().unwrap_or(10)
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "startup probe: the period and the total time must be 1 to 240 seconds",
        source: "run/docs/configuring/healthchecks#startup-probes",
        holds: |it| {
            containers(it).iter().all(|container| {
                let probe = &container["startupProbe"];
                let period = probe["periodSeconds"].as_i64().unwrap_or(10);
                let attempts = probe["failureThreshold"].as_i64().unwrap_or(3);
                probe.is_null() || ((1..=240).contains(&period) && period * attempts <= 240)
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "traffic: a tag must be lower-case letters, digits and hyphens, and fit into the host name",
        source: "run/docs/rollouts-rollbacks-traffic-migration#tags",
        holds: |it| {
            list(&it.body["traffic"]).iter().all(|target| {
                let tag = text(&target["tag"]);
                tag.is_empty()
                    || (is_name(tag, 63) && format!("{tag}---{}-123456789012", it.id).len() <= 63)
            })
        },
    },
    Limit {
        kind: Kind::Service,
        message: "traffic: a tag is used twice",
        source: "GoogleCloudRunV2TrafficTarget.tag",
        holds: |it| {
            let mut tags = BTreeSet::new();
            list(&it.body["traffic"])
                .iter()
                .map(|target| text(&target["tag"]))
                .all(|tag| tag.is_empty() || tags.insert(tag))
        },
    },
    Limit {
        kind: Kind::Repository,
        message: "location is not valid",
        source: "artifact-registry/docs/repositories/repo-locations",
        holds: |it| {
            REGIONS.contains(&it.location) || ["asia", "europe", "us"].contains(&it.location)
        },
    },
    Limit {
        kind: Kind::Repository,
        message: "repository_id must be at most 63 lower-case letters, digits and hyphens, a letter first, no hyphen last",
        source: "artifactregistry.projects.locations.repositories.create, repositoryId",
        holds: |it| is_name(it.id, 63),
    },
    Limit {
        kind: Kind::Repository,
        message: "labels: invalid key or value",
        source: "Repository.labels",
        holds: |it| are_labels(&it.body["labels"]),
    },
    Limit {
        kind: Kind::Secret,
        message: "secret_id must be 1 to 255 letters, digits, hyphens and underscores",
        source: "secretmanager.projects.secrets.create, secretId",
        holds: |it| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            (1..=255).contains(&it.id.len()) && it.id.chars().all(plain)
        },
    },
    Limit {
        kind: Kind::Secret,
        message: "labels: invalid key or value",
        source: "Secret.labels",
        holds: |it| are_labels(&it.body["labels"]),
    },
    Limit {
        kind: Kind::Secret,
        message: "replication: exactly one of automatic and user_managed must be set",
        source: "Replication, oneof replication",
        holds: |it| {
            let replication = &it.body["replication"];
            replication["automatic"].is_object() != replication["userManaged"].is_object()
        },
    },
    Limit {
        kind: Kind::Secret,
        message: "replication: at least one replica is required, each in another known location",
        source: "UserManaged.replicas; secret-manager/docs/locations",
        holds: |it| {
            let managed = &it.body["replication"]["userManaged"];
            let mut places = BTreeSet::new();
            let replicas = list(&managed["replicas"]);
            managed.is_null()
                || (!replicas.is_empty()
                    && replicas.iter().all(|replica| {
                        let place = text(&replica["location"]);
                        REGIONS.contains(&place) && places.insert(place)
                    }))
        },
    },
    Limit {
        kind: Kind::Bucket,
        message: "The specified location constraint is not valid.",
        source: "storage/docs/locations",
        holds: |it| {
            let place = text(&it.body["location"]).to_lowercase();
            place.is_empty()
                || REGIONS.contains(&&*place)
                || [
                    "asia", "eu", "us", "asia1", "eur4", "eur5", "eur7", "eur8", "nam4",
                ]
                .contains(&&*place)
        },
    },
    Limit {
        kind: Kind::Bucket,
        message: "Invalid bucket name",
        source: "storage/docs/buckets#naming",
        holds: |it| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
            let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            (3..=63).contains(&it.id.len())
                && it.id.chars().all(plain)
                && it.id.starts_with(is_end)
                && it.id.ends_with(is_end)
                && !it.id.starts_with("goog")
                && !it.id.contains("google")
        },
    },
    Limit {
        kind: Kind::Bucket,
        message: "labels: invalid key or value",
        source: "storage/docs/tags-and-labels#bucket-labels",
        holds: |it| are_labels(&it.body["labels"]),
    },
    Limit {
        kind: Kind::Account,
        message: "The account ID must be 6 to 30 lower-case letters, digits and hyphens, a letter first, no hyphen last",
        source: "CreateServiceAccountRequest.accountId",
        holds: |it| it.id.len() >= 6 && is_name(it.id, 30),
    },
    Limit {
        kind: Kind::Account,
        message: "The display name must be at most 100 bytes",
        source: "ServiceAccount.displayName",
        holds: |it| text(&it.body["serviceAccount"]["displayName"]).len() <= 100,
    },
    Limit {
        kind: Kind::Account,
        message: "The description must be at most 256 bytes",
        source: "ServiceAccount.description",
        holds: |it| text(&it.body["serviceAccount"]["description"]).len() <= 256,
    },
    Limit {
        kind: Kind::Policy,
        message: "Invalid member: unknown prefix",
        source: "Binding.members",
        holds: |it| bindings(it).all(|one| list(&one["members"]).iter().all(is_member)),
    },
    Limit {
        kind: Kind::Policy,
        message: "Role is not supported for this resource",
        source: "Binding.role; iam/docs/understanding-roles",
        holds: |it| bindings(it).all(|one| is_role(text(&one["role"]))),
    },
    Limit {
        kind: Kind::Policy,
        message: "A binding has no members, or more than 1500 in all",
        source: "Policy.bindings; iam/quotas",
        holds: |it| {
            let members = || bindings(it).map(|one| list(&one["members"]).len());
            members().all(|count| count > 0) && members().sum::<usize>() <= 1500
        },
    },
];

/// Regions with Cloud Run. The last one is fictitious: it stands in for a region that opened after
/// this version of mcpo. <https://cloud.google.com/run/docs/locations>
/// Regions of Cloud Run. The last one is imaginary, for tests of a region that mcpo does not know.
pub const REGIONS: &[&str] = &[
    "asia-east1",
    "asia-northeast1",
    "asia-south1",
    "asia-southeast1",
    "australia-southeast1",
    "europe-central2",
    "europe-north1",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "me-west1",
    "northamerica-northeast1",
    "southamerica-east1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-south1",
    "us-west1",
    "us-west2",
    "europe-west99",
    "europe-west99",
];

const SYSTEM_NAMESPACES: &[&str] = &[
    "run.googleapis.com/",
    "cloud.googleapis.com/",
    "serving.knative.dev/",
    "autoscaling.knative.dev/",
];

const RESERVED_VARIABLES: &[&str] = &["PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn keys(value: &Value) -> Vec<String> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(key, _)| key.clone()).collect()
}

fn containers<'a>(it: &Subject<'a>) -> &'a [Value] {
    list(&it.body["template"]["containers"])
}

/// Returns the container that receives the requests.
fn container<'a>(it: &Subject<'a>) -> &'a Value {
    let all = containers(it);
    let with_port = all.iter().find(|one| !list(&one["ports"]).is_empty());
    with_port.or(all.first()).unwrap_or(&Value::Null)
}

fn variables<'a>(it: &Subject<'a>) -> Vec<&'a Value> {
    let all = containers(it).iter();
    all.flat_map(|one| list(&one["env"])).collect()
}

fn probes<'a>(it: &Subject<'a>) -> Vec<&'a Value> {
    let names = ["startupProbe", "livenessProbe", "readinessProbe"];
    containers(it)
        .iter()
        .flat_map(|one| names.map(|name| &one[name]))
        .filter(|probe| !probe.is_null())
        .collect()
}

fn bindings<'a>(it: &Subject<'a>) -> impl Iterator<Item = &'a Value> {
    list(&it.body["bindings"]).iter()
}

fn is_within(value: &Value, least: i64, most: i64) -> bool {
    value
        .as_i64()
        .is_some_and(|number| (least..=most).contains(&number))
}

fn is_within_or_absent(value: &Value, least: i64, most: i64) -> bool {
    value.is_null() || is_within(value, least, most)
}

/// Returns the CPU limit in thousandths of a CPU; the default is one CPU.
fn cpu(it: &Subject<'_>) -> Option<u64> {
    let limit = &container(it)["resources"]["limits"]["cpu"];
    if limit.is_null() {
        return Some(1000);
    }
    let text = text(limit);
    if let Some(thousandths) = text.strip_suffix('m') {
        return thousandths.parse().ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<3}");
    Some(whole.parse::<u64>().ok()? * 1000 + part.get(..3)?.parse::<u64>().ok()?)
}

/// Returns the memory limit in MiB; the default is 512.
fn memory(it: &Subject<'_>) -> Option<u64> {
    let limit = &container(it)["resources"]["limits"]["memory"];
    if limit.is_null() {
        return Some(512);
    }
    let text = text(limit);
    let size = |suffix: &str, factor: u64| {
        let number = text.strip_suffix(suffix)?.parse::<u64>().ok()?;
        number.checked_mul(factor)
    };
    size("Gi", 1024).or_else(|| size("Mi", 1))
}

fn is_second_generation(it: &Subject<'_>) -> bool {
    it.body["template"]["executionEnvironment"] == "EXECUTION_ENVIRONMENT_GEN2"
}

/// Checks for a label of RFC 1035: a letter first, no hyphen last.
fn is_name(text: &str, longest: usize) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=longest).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(plain)
        && !text.ends_with('-')
}

fn are_labels(labels: &Value) -> bool {
    let plain = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || c == '-' || c == '_';
    let is_good = |text: &str| text.chars().count() <= 63 && text.chars().all(plain);
    let labels: Vec<_> = labels.as_object().into_iter().flatten().collect();
    labels.len() <= 64
        && labels.into_iter().all(|(key, value)| {
            is_good(key)
                && key.starts_with(|c: char| c.is_alphabetic() && !c.is_uppercase())
                && is_good(text(value))
        })
}

fn is_member(member: &Value) -> bool {
    let member = text(member);
    let with_mail = ["user:", "serviceAccount:", "group:"];
    let with_text = [
        "domain:",
        "deleted:",
        "principal://",
        "principalSet://",
        "projectOwner:",
        "projectEditor:",
        "projectViewer:",
    ];
    let rest = |prefixes: &[&str]| {
        let found = prefixes
            .iter()
            .find_map(|prefix| member.strip_prefix(prefix));
        found.map(str::to_owned)
    };
    matches!(member, "allUsers" | "allAuthenticatedUsers")
        || rest(&with_mail).is_some_and(|rest| {
            rest.split_once('@')
                .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        })
        || rest(&with_text).is_some_and(|rest| !rest.is_empty())
}

/// Returns true for custom roles and for predefined roles of the stand-in's APIs.
fn is_role(role: &str) -> bool {
    let services = [
        "roles/artifactregistry.",
        "roles/iam.",
        "roles/logging.",
        "roles/run.",
        "roles/secretmanager.",
        "roles/storage.",
    ];
    let basic = [
        "roles/owner",
        "roles/editor",
        "roles/viewer",
        "roles/browser",
    ];
    let is_known = services.iter().any(|prefix| {
        role.strip_prefix(prefix).is_some_and(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        })
    });
    let is_custom = (role.starts_with("projects/") || role.starts_with("organizations/"))
        && role.contains("/roles/");
    is_known || is_custom || basic.contains(&role)
}
