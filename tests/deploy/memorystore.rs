//! A ledger in Memorystore for Redis.

use mcpo_test_support::{
    google::{Fault, Google},
    wait,
};
use serde_json::json;

use crate::{
    dry_run::{assert_nothing_to_do, assert_only_announced_writes},
    project::{Project, fetch, google},
};

const FEATURE: &str = "[features]\nredis = []\n\n[package.metadata.mcpo]\n";
const INSTANCE: &str =
    "projects/my-project/locations/europe-west1/instances/tiny-europe-west1-ledger";
const CREATE: &str = "redis.projects.locations.instances.create";

fn creations(google: &Google) -> usize {
    let calls = google.started_calls();
    calls.iter().filter(|id| *id == CREATE).count()
}

#[test]
fn instance_is_created_once_and_deleted_with_the_service() {
    let settings = format!("{FEATURE}ledger = \"memorystore\"\nnetwork = \"default\"\n");
    let (google, project) = (google(), Project::with(&settings));
    let plan = project.run(&google, &["--dry-run"]);
    plan.has(
        10,
        &[
            "Memorystore instance for the ledger",
            "which mcpo knows no price",
        ],
    );
    // A run that is killed while the instance is created.
    google.fail(CREATE, Fault::Slow(4), 1);
    let mut run = project.start(&google, &["--no-verify"]);
    let poll = "redis.projects.locations.operations.get";
    wait::until(poll, || {
        let calls = google.started_calls();
        calls.iter().any(|id| id == poll).then_some(())
    });
    run.kill().unwrap();
    run.wait().unwrap();
    assert_only_announced_writes(&google, &project, &[]);
    let instance = google.resource(INSTANCE);
    assert_eq!(instance["tier"], "BASIC");
    assert_eq!(
        instance["authorizedNetwork"],
        "projects/my-project/global/networks/default"
    );
    let password = instance["password"].as_str().unwrap();
    let ledger = fetch(&google, "/variable/MCPO_LEDGER");
    assert_eq!(ledger, format!("redis://:{password}@10.0.0.3:6379"));
    assert_eq!(fetch(&google, "/variable/MCPO_LEDGER_PLAINTEXT"), "1");
    let calls = google.started_calls();
    assert!(!calls.iter().any(|id| id == "storage.buckets.insert"));
    google.clear_calls();
    let result = project.deploy(&google, &[]);
    result.has(0, &["Unchanged"]);
    assert!(!result.all().contains(password), "{result}");
    assert_eq!(creations(&google), 0);
    assert_nothing_to_do(&google, &project, &[]);

    // Also without the setting: the instance costs money.
    let manifest = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
    project.write(
        "Cargo.toml",
        &manifest.replace("ledger = \"memorystore\"", ""),
    );
    assert_only_announced_writes(&google, &project, &["--delete", "--yes"]);
    assert!(google.resource(INSTANCE).is_null());
}

#[test]
fn existing_instance_must_be_reachable() {
    let google = google();
    let instance = "projects/my-project/locations/europe-west1/instances/shared";
    google.put(
        instance,
        json!({
            "name": instance, "tier": "BASIC", "memorySizeGb": 1, "state": "READY",
            "host": "10.0.0.9", "port": 6379,
            "authorizedNetwork": "projects/my-project/global/networks/apps",
        }),
    );
    let with = |ledger: &str, network: &str| {
        Project::with(&format!("{FEATURE}ledger = \"{ledger}\"\n{network}\n"))
    };
    let dry_run = |project: Project| project.run(&google, &["--dry-run"]);
    dry_run(with("memorystore:shared", "")).has(2, &["needs a network", "set network = "]);
    let other = dry_run(with("memorystore:shared", "network = \"default\""));
    other.has(2, &["is in the network", "set network = \"apps\""]);
    let missing = dry_run(with("memorystore:absent", "network = \"apps\""));
    missing.has(2, &["there is no Memorystore instance absent"]);
    let found = dry_run(with("memorystore:shared", "network = \"apps\""));
    found.has(10, &["secret tiny-europe-west1-mcpo-ledger"]);
    assert!(!found.all().contains("Memorystore instance"), "{found}");
    google.edit(instance, |it| {
        it["transitEncryptionMode"] = "SERVER_AUTHENTICATION".into();
    });
    let encrypted = dry_run(with("memorystore:shared", "network = \"apps\""));
    encrypted.has(2, &["requires TLS with its own authority"]);
}
