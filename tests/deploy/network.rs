//! Settings for the network, Cloud SQL and encryption, and fields that are passed through to Cloud
//! Run's API.

use serde_json::json;

use crate::{
    dry_run::{assert_nothing_to_do, assert_only_announced_writes},
    project::{Project, SERVICE, google},
};

const SETTINGS: &str = r#"
[package.metadata.mcpo]
network = "default"
network-tags = ["db-client"]
egress = "all-traffic"
cloud-sql = ["my-project:europe-west1:db"]
encryption-key = "projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key"

[package.metadata.mcpo.cloud-run]
description = "Tools of the sales team"
scaling = { max-instance-count = 9 }

[package.metadata.mcpo.cloud-run.template]
health-check-disabled = true
volumes = [{ name = "cache", empty-dir = { medium = "MEMORY" } }]

[[package.metadata.mcpo.cloud-run.template.containers]]
volume-mounts = [{ name = "cache", mount-path = "/cache" }]
resources = { cpu-idle = false }

[[package.metadata.mcpo.cloud-run.template.containers]]
name = "collector"
image = "example.com/collector@sha256:0000000000000000000000000000000000000000000000000000000000000000"
env = [{ name = "TOKEN", value = "hidden-value" }]
"#;
const ACCOUNT: &str = "serviceAccount:mcpo-tiny-europe-west1@my-project.iam.gserviceaccount.com";

#[test]
fn fields_of_the_service_are_set_compared_and_removed() {
    let (google, project) = (google(), Project::new());
    let plain = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
    project.write("Cargo.toml", &format!("{plain}{SETTINGS}"));
    assert_only_announced_writes(&google, &project, &[]);
    let service = google.resource(SERVICE);
    let template = &service["template"];
    assert_eq!(
        template["vpcAccess"],
        json!({ "networkInterfaces": [{ "network": "default", "tags": ["db-client"] }], "egress": "ALL_TRAFFIC" })
    );
    assert_eq!(service["description"], "Tools of the sales team");
    assert_eq!(service["scaling"]["maxInstanceCount"], 9);
    assert_eq!(template["healthCheckDisabled"], true);
    assert_eq!(template["volumes"].as_array().unwrap().len(), 2);
    let containers = &template["containers"];
    assert_eq!(containers[0]["volumeMounts"][1]["mountPath"], "/cloudsql");
    assert_eq!(containers[1]["name"], "collector");
    let key = "projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key";
    assert_eq!(template["encryptionKey"], key);
    let repository =
        google.resource("projects/my-project/locations/europe-west1/repositories/mcpo");
    assert_eq!(repository["kmsKeyName"], key);
    let secret = google.resource("projects/my-project/secrets/tiny-europe-west1-mcpo-secret");
    let replica = &secret["replication"]["userManaged"]["replicas"][0];
    assert_eq!(replica["customerManagedEncryption"]["kmsKeyName"], key);
    let may_connect = || {
        let policies = google.policies();
        let policy = policies
            .iter()
            .find(|(name, _)| name == "projects/my-project");
        let (_, policy) = policy.unwrap();
        let bindings = policy["bindings"].as_array().unwrap();
        let grant = bindings
            .iter()
            .find(|binding| binding["role"] == "roles/cloudsql.client");
        grant.is_some_and(|binding| binding["members"].to_string().contains(ACCOUNT))
    };
    assert!(may_connect());
    assert_nothing_to_do(&google, &project, &[]);

    // Google may return a value in another form. Changes made elsewhere are reported.
    google.edit(SERVICE, |service| {
        let network = "projects/my-project/global/networks/default";
        service["template"]["vpcAccess"]["networkInterfaces"][0]["network"] = network.into();
    });
    assert_nothing_to_do(&google, &project, &[]);
    google.change_elsewhere(SERVICE, "anna@example.com", "gcloud", |service| {
        service["template"]["vpcAccess"]["egress"] = "PRIVATE_RANGES_ONLY".into();
        service["scaling"]["minInstanceCount"] = 2.into();
        service["template"]["containers"][1]["env"][0]["value"] = "other-value".into();
    });
    let result = project.run(&google, &["--status"]);
    result.has(
        0,
        &[
            "vpcAccess.egress: ALL_TRAFFIC → PRIVATE_RANGES_ONLY",
            "containers.collector.env.TOKEN",
        ],
    );
    assert!(!result.all().contains("-value"), "{result}");
    let result = project.deploy(&google, &[]);
    result.has(
        0,
        &["container collector: variable TOKEN: changed, a value"],
    );
    assert!(!result.all().contains("-value"), "{result}");
    assert_eq!(
        google.resource(SERVICE)["scaling"],
        json!({ "maxInstanceCount": 9, "minInstanceCount": 2 })
    );

    project.write("Cargo.toml", &plain);
    let result = project.run(&google, &["--dry-run"]);
    result.has(
        10,
        &[
            "vpcAccess.egress: removed",
            "description: removed",
            "containers.collector: removed",
        ],
    );
    assert_only_announced_writes(&google, &project, &[]);
    let service = google.resource(SERVICE);
    let template = &service["template"];
    for field in [
        "vpcAccess",
        "volumes",
        "encryptionKey",
        "healthCheckDisabled",
    ] {
        assert!(template[field].is_null(), "{field}: {template}");
    }
    assert!(service["description"].is_null());
    assert_eq!(service["scaling"], json!({ "minInstanceCount": 2 }));
    assert_eq!(template["containers"].as_array().unwrap().len(), 1);
    assert!(template["containers"][0]["volumeMounts"].is_null());
    assert_nothing_to_do(&google, &project, &[]);

    project.write("Cargo.toml", &format!("{plain}{SETTINGS}"));
    assert_only_announced_writes(&google, &project, &["--delete", "--yes"]);
    assert!(!may_connect());
}

#[test]
fn invalid_fields_are_reported_before_any_request() {
    let (google, project) = (
        google(),
        Project::with(
            "[package.metadata.mcpo]\negress = \"all-traffic\"\n[package.metadata.mcpo.cloud-run.template]\n\
         timeout = \"9s\"\nhealth-check-disable = true\n",
        ),
    );
    let result = project.run(&google, &["--dry-run"]);
    result.has(
        2,
        &[
            "egress is set without a network; set network or subnetwork",
            "cloud-run.template.timeout is set by mcpo; use timeout-seconds",
            "did you mean health-check-disabled?",
        ],
    );
    assert_eq!(google.calls(), []);
}
