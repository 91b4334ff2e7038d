//! Settings that were changed elsewhere since the last deployment are reported with both values.

use mcpo_test_support::google::Google;
use serde_json::{Value, json};

use crate::project::{Project, SERVICE, google};

const ANNA: &str = "anna@example.com";

/// Returns the member `drift` of the JSON status.
fn drift(google: &Google, project: &Project) -> Value {
    let result = project.run(google, &["--status", "--json"]);
    result.has(0, &[]);
    let status: Value = serde_json::from_str(&result.stdout).unwrap();
    status["drift"].clone()
}

/// Returns the reported changes as `SETTING: WAS → IS`.
fn changes(drift: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("not set").to_owned();
    let changes = drift["changes"].as_array().into_iter().flatten();
    changes
        .map(|it| {
            let (was, is) = (text(&it["was"]), text(&it["is"]));
            format!("{}: {was} → {is}", text(&it["setting"]))
        })
        .collect()
}

/// A change of one setting, and how it is reported.
type Case = (fn(&mut Value), &'static [&'static str]);

const CASES: &[Case] = &[
    (
        |service| service["template"]["scaling"]["maxInstanceCount"] = 10.into(),
        &["scaling.maxInstanceCount: 4 → 10"],
    ),
    (
        |service| {
            container(service)["resources"]["limits"] = json!({ "cpu": "1", "memory": "1Gi" });
        },
        &["resources.limits.memory: 512Mi → 1Gi"],
    ),
    (
        |service| container(service)["resources"]["cpuIdle"] = false.into(),
        &["resources.cpuIdle: true → false"],
    ),
    (
        |service| service["template"]["timeout"] = "300s".into(),
        &["timeout: 3600s → 300s"],
    ),
    (
        |service| {
            service["template"]["maxInstanceRequestConcurrency"] = 1.into();
            service["template"]["sessionAffinity"] = false.into();
        },
        &[
            "maxInstanceRequestConcurrency: 80 → 1",
            "sessionAffinity: true → false",
        ],
    ),
    (
        |service| container(service)["image"] = "gcr.io/other/image:latest".into(),
        &["image: IMAGE → gcr.io/other/image:latest"],
    ),
    (
        |service| container(service)["startupProbe"] = json!({ "tcpSocket": { "port": 8080 } }),
        &[
            "startupProbe.failureThreshold: 60 → not set",
            "startupProbe.httpGet.path: /health → not set",
            "startupProbe.periodSeconds: 1 → not set",
            "startupProbe.timeoutSeconds: 1 → not set",
        ],
    ),
    (
        |service| variable(service, "GREETING")["value"] = "hidden".into(),
        &["variable GREETING: a value → another value"],
    ),
    (
        |service| {
            let variables = container(service)["env"].as_array_mut().unwrap();
            variables.retain(|one| one["name"] != "GREETING");
            variables.push(json!({ "name": "DEBUG", "value": "hidden" }));
        },
        &[
            "variable DEBUG: not set → a value",
            "variable GREETING: a value → not set",
        ],
    ),
    (
        |service| {
            variable(service, "MCPO_SECRET")["valueSource"]["secretKeyRef"]["version"] = "7".into();
        },
        &[
            "variable MCPO_SECRET: secret tiny-europe-west1-mcpo-secret, version 1 → secret \
             tiny-europe-west1-mcpo-secret, version 7",
        ],
    ),
    (
        |service| service["ingress"] = "INGRESS_TRAFFIC_INTERNAL_ONLY".into(),
        &["ingress: INGRESS_TRAFFIC_ALL → INGRESS_TRAFFIC_INTERNAL_ONLY"],
    ),
    (
        |service| service["invokerIamDisabled"] = false.into(),
        &["invokerIamDisabled: true → false"],
    ),
    (
        |service| service["labels"] = json!({ "team": "other" }),
        &[
            "labels.managed-by: mcpo → not set",
            "labels.team: tools → other",
        ],
    ),
    (
        |service| {
            let revision = service["latestReadyRevision"].as_str().unwrap();
            let revision = revision.rsplit('/').next().unwrap().to_owned();
            let kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
            service["traffic"] = json!([{ "type": kind, "revision": revision, "percent": 100 }]);
        },
        &["traffic: 100 % latest → 100 % REVISION"],
    ),
];

fn container(service: &mut Value) -> &mut Value {
    &mut service["template"]["containers"][0]
}

fn variable<'a>(service: &'a mut Value, name: &str) -> &'a mut Value {
    let variables = container(service)["env"].as_array_mut().unwrap();
    let mut variables = variables.iter_mut();
    variables.find(|one| one["name"] == name).unwrap()
}

#[test]
fn each_kind_of_change_made_elsewhere_is_reported() {
    let settings = "[package.metadata.mcpo]\nenv = { GREETING = \"hello\" }\nlabels = { team = \
                    \"tools\" }\n";
    let (google, project) = (google(), Project::with(settings));
    project
        .deploy(&google, &[])
        .has(0, &[" USD a month at rest"]);
    assert_eq!(drift(&google, &project), Value::Null);

    let deployed = google.resource(SERVICE);
    let image = deployed["template"]["containers"][0]["image"]
        .as_str()
        .unwrap();
    let image = &image[..image.find("@sha256:").unwrap() + "@sha256:".len() + 12];
    let revision = deployed["latestReadyRevision"].as_str().unwrap();
    let revision = revision.rsplit('/').next().unwrap();
    for (change, expected) in CASES {
        google.change_elsewhere(SERVICE, ANNA, "gcloud", change);
        let drift = drift(&google, &project);
        let expected: Vec<_> = expected
            .iter()
            .map(|line| line.replace("IMAGE", image).replace("REVISION", revision))
            .collect();
        assert_eq!(changes(&drift), expected, "{drift}");
        assert_eq!(drift["last_modifier"], ANNA);
        assert_eq!(drift["client"], "gcloud");
        assert!(!drift.to_string().contains("hidden"), "{drift}");
        google.edit(SERVICE, |service| *service = deployed.clone());
    }

    // A tool that names itself like mcpo, or not at all.
    for client in ["mcpo", ""] {
        google.change_elsewhere(SERVICE, ANNA, client, CASES[0].0);
        assert_eq!(changes(&drift(&google, &project)), CASES[0].1, "{client:?}");
        google.edit(SERVICE, |service| *service = deployed.clone());
    }

    // Fields that Google fills in, and settings that mcpo never writes.
    google.change_elsewhere(SERVICE, ANNA, "gcloud", |service| {
        service["labels"]["cost-center"] = "7".into();
        service["annotations"]["other"] = "x".into();
        service["scaling"] = json!({ "minInstanceCount": 1 });
        let template = &mut service["template"];
        template["labels"] = json!({ "team": "x" });
        template["vpcAccess"] = json!({ "egress": "PRIVATE_RANGES_ONLY" });
        template["revision"] = "tiny-00009-abc".into();
        template["scaling"] = json!({ "maxInstanceCount": 4 });
        let container = container(service);
        container["resources"]["limits"] = json!({ "cpu": "1000m", "memory": "512Mi" });
        container["startupProbe"]["httpGet"]["port"] = 8080.into();
        container["env"].as_array_mut().unwrap().reverse();
        let sidecar = json!({ "image": "sidecar", "env": [{ "name": "A", "value": "b" }] });
        let containers = service["template"]["containers"].as_array_mut().unwrap();
        containers.push(sidecar);
    });
    assert_eq!(drift(&google, &project), Value::Null);
    google.edit(SERVICE, |service| *service = deployed.clone());

    // Terraform removes annotations that its configuration does not contain.
    google.change_elsewhere(SERVICE, ANNA, "terraform", |service| {
        service["annotations"] = json!({});
    });
    let result = project.run(&google, &["--status"]);
    result.has(
        0,
        &[
            "mcpo's record of its settings is missing",
            "by anna@example.com at 20",
        ],
    );
    assert!(drift(&google, &project)["changes"].is_null());
}

#[test]
fn changes_made_elsewhere_are_shown_until_the_next_release() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let line = "! scaling.maxInstanceCount: 4 → 10";
    let headline = "1 setting was changed elsewhere since the last deployment (last change by \
                    anna@example.com at 20";
    google.change_elsewhere(SERVICE, ANNA, "gcloud", CASES[0].0);
    project
        .run(&google, &["--status"])
        .has(0, &[headline, "with gcloud)", line]);

    // A shift of the traffic writes the record, too.
    let served = google.resource(SERVICE)["latestReadyRevision"].clone();
    let served = served
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    google.edit(SERVICE, |service| service["client"] = "mcpo".into());
    google.edit(SERVICE, |service| service["traffic"] = json!([]));
    let other = json!([{ "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 50 },
        { "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": served, "percent": 50 }]);
    google.edit(SERVICE, |service| {
        service["traffic"] = other.clone();
        service["trafficStatuses"] = other.clone();
    });
    project.deploy(&google, &["--promote"]);
    project.run(&google, &["--status"]).has(0, &[line]);

    let result = project.run(&google, &["--dry-run"]);
    result.has(10, &[line, "scaling.maxInstanceCount: 10 → 4", "Cost"]);
    let result = project.run(&google, &["--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(
        changes(&plan["drift"]),
        ["scaling.maxInstanceCount: 4 → 10"]
    );
    assert_eq!(plan["cost"]["region_tier"], 1);
    assert_eq!(
        plan["cost"]["per_million_calls"]["free_calls_per_month"],
        360_000
    );

    project.deploy(&google, &[]).has(0, &[line]);
    assert_eq!(drift(&google, &project), Value::Null);
    let result = project.run(&google, &["--dry-run"]);
    result.has(0, &["nothing to do"]);
    assert!(!result.all().contains("elsewhere"), "{result}");
}
