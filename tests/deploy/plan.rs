//! The plan announces exactly what is done, and nothing is done twice.

use std::collections::BTreeSet;

use mcpo_test_support::google::Fault;
use serde_json::Value;

use crate::project::{Project, SERVICE, fetch, google, writes};

#[test]
fn conditional_bindings_in_policies_are_kept() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let names = [
        "buckets/tiny-europe-west1-123456789012-ledger",
        "projects/my-project/secrets/tiny-europe-west1-mcpo-secret",
    ];
    let conditional = serde_json::json!({
        "role": "roles/viewer",
        "members": ["user:auditor@example.com"],
        "condition": { "title": "for a while", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')" },
    });
    for name in names {
        let policy =
            serde_json::json!({ "version": 3, "etag": "BwXabw==", "bindings": [conditional] });
        google.set_policy(name, policy);
    }
    project.deploy(&google, &[]).has(0, &["the service may"]);
    for (name, policy) in google.policies() {
        if names.contains(&name.as_str()) {
            let bindings = policy["bindings"].as_array().unwrap();
            assert_eq!(bindings.len(), 2, "{name}: {policy}");
            assert!(bindings.contains(&conditional), "{name}: {policy}");
        }
    }
}

/// Records that live for years must not be deleted by their age.
#[test]
fn bucket_of_an_earlier_version_gets_the_current_lifecycle_rule() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let name = "buckets/tiny-europe-west1-123456789012-ledger";
    let delete = |condition: Value| serde_json::json!({ "action": { "type": "Delete" }, "condition": condition });
    let limit = delete(serde_json::json!({ "age": 4026 }));
    let expired = delete(serde_json::json!({ "daysSinceCustomTime": 1 }));
    let rules = |google: &mcpo_test_support::google::Google| {
        google.resource(name)["lifecycle"]["rule"].clone()
    };
    assert_eq!(rules(&google), serde_json::json!([limit, expired]));

    let old = delete(serde_json::json!({ "age": 100 }));
    let foreign = delete(serde_json::json!({ "age": 30, "matchesPrefix": ["x"] }));
    for before in [vec![&old, &foreign], vec![&old, &foreign, &expired]] {
        google.edit(name, |bucket| {
            bucket["lifecycle"] = serde_json::json!({ "rule": before });
        });
        google.clear_calls();
        let result = project.deploy(&google, &[]);
        result.has(
            0,
            &["~ the ledger's bucket deletes records one day after they expire"],
        );
        assert_eq!(writes(&google), ["storage.buckets.patch"]);
        assert_eq!(rules(&google), serde_json::json!([foreign, expired]));
        project.deploy(&google, &[]).has(0, &["Unchanged"]);
    }
}

#[test]
fn json_output_is_one_document_for_every_outcome() {
    let (google, project) = (google(), Project::new());
    let read = |result: &crate::project::RunResult| -> Value {
        serde_json::from_str(&result.stdout).unwrap()
    };
    let denied = Fault::Denied("run.services.create");
    google.fail("run.projects.locations.services.create", denied, 1);
    let failed = read(&project.run(&google, &["--no-verify", "--json"]));
    assert_eq!(failed["outcome"], "failed");
    assert_eq!(failed["exit_code"], 2);
    assert!(failed["made"].as_array().unwrap().len() >= 4, "{failed}");
    // Also if no request was sent yet.
    let misspelled = Project::with("[package.metadata.mcpo]\nmax_instances = 3\n");
    for flag in ["--no-verify", "--status", "--dry-run"] {
        let failed = read(&misspelled.run(&google, &[flag, "--json"]));
        assert_eq!(failed["exit_code"], 2, "{flag}");
    }
    let done = read(&project.run(&google, &["--no-verify", "--json"]));
    assert_eq!(done["outcome"], "deployed");
    let again = read(&project.run(&google, &["--no-verify", "--json"]));
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(
        again["url"],
        "https://tiny-123456789012.europe-west1.run.app/mcp"
    );
}

#[test]
fn unchanged_deployment_writes_nothing() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    google.clear_calls();

    let result = project.deploy(&google, &[]);
    result.has(
        0,
        &[
            "Unchanged",
            "https://tiny-123456789012.europe-west1.run.app/mcp",
        ],
    );
    assert_eq!(writes(&google), Vec::<String>::new());
    let uploads = google
        .registry_calls()
        .into_iter()
        .filter(|(verb, _)| verb == "PUT" || verb == "POST");
    assert_eq!(uploads.count(), 0);
}

#[test]
fn changed_source_uploads_one_layer_and_creates_one_revision() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    google.clear_calls();

    let result = project.deploy(&google, &[]);
    result.has(0, &["~ image: "]);
    assert_eq!(fetch(&google, "/version"), "two");
    let expected = ["run.projects.locations.services.patch", "registry.push"];
    assert_eq!(writes(&google), expected);
    let puts = google
        .registry_calls()
        .into_iter()
        .filter(|(verb, _)| verb == "PUT")
        .count();
    let expected = 3 + 2 + 2 + 1;
    assert_eq!(
        puts, expected,
        "the image, two documents with their manifests, the list"
    );
}

#[test]
fn settings_are_applied_and_changes_are_shown() {
    let settings = |max: u32| {
        format!(
            "[package.metadata.mcpo]\nmax-instances = {max}\nmemory = \"1Gi\"\nledger = \"memory\"\n\
             env = {{ GREETING = \"hello\" }}\nlabels = {{ team = \"tools\" }}\n"
        )
    };
    let (google, project) = (google(), Project::with(&settings(3)));
    project.deploy(&google, &[]);
    let service = google.resource(SERVICE);
    let template = &service["template"];
    assert_eq!(service["functionalType"], "FUNCTIONAL_TYPE_MCP_SERVER");
    assert_eq!(template["scaling"]["maxInstanceCount"], 3);
    assert_eq!(
        template["containers"][0]["resources"]["limits"]["memory"],
        "1Gi"
    );
    assert_eq!(template["containers"][0]["resources"]["cpuIdle"], true);
    assert_eq!(service["labels"]["team"], "tools");
    assert_eq!(fetch(&google, "/variable/GREETING"), "hello");
    assert_eq!(fetch(&google, "/variable/MCPO_LEDGER"), "memory");
    assert!(
        !google
            .resources()
            .iter()
            .any(|name| name.starts_with("buckets/"))
    );

    let manifest = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
    project.write(
        "Cargo.toml",
        &manifest.replace("max-instances = 3", "max-instances = 5"),
    );
    let result = project.run(&google, &["--dry-run", "--env", "GREETING=goodbye"]);
    result.has(
        10,
        &[
            "scaling.maxInstanceCount: 3 → 5",
            "variable GREETING: changed",
        ],
    );
    assert!(!result.all().contains("goodbye"), "{result}");
}

#[test]
fn redis_ledger_is_stored_as_a_secret_and_enables_the_feature() {
    let metadata =
        "[features]\nredis = []\n\n[package.metadata.mcpo]\nsecrets = [\"MCPO_LEDGER\"]\n";
    let (google, project) = (google(), Project::with(metadata));
    let address = "rediss://:swordfish@cache";
    project.write(".env", &format!("MCPO_LEDGER={address}\n"));
    let result = project.run(&google, &["--show-dockerfile"]);
    result.has(0, &["--features=redis"]);
    let result = project.deploy(&google, &[]);
    assert!(!result.all().contains("swordfish"), "{result}");
    assert_eq!(fetch(&google, "/variable/MCPO_LEDGER"), address);
    assert!(
        !google
            .resources()
            .iter()
            .any(|name| name.starts_with("buckets/"))
    );
}

#[test]
fn service_account_gets_only_the_required_roles() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let service = google.resource(SERVICE);
    let account = service["template"]["serviceAccount"].as_str().unwrap();
    assert_eq!(
        account,
        "mcpo-tiny-europe-west1@my-project.iam.gserviceaccount.com"
    );
    let policies = google.policies();
    let roles: BTreeSet<_> = policies
        .iter()
        .flat_map(|(name, policy)| {
            policy["bindings"]
                .as_array()
                .into_iter()
                .flatten()
                .map(move |binding| {
                    let kind = name.split('/').next_back().unwrap_or_default();
                    (
                        kind.to_owned(),
                        binding["role"].as_str().unwrap_or_default().to_owned(),
                    )
                })
        })
        .collect();
    let expected = [
        (
            "tiny-europe-west1-123456789012-ledger",
            "roles/storage.objectUser",
        ),
        (
            "tiny-europe-west1-admin-password",
            "roles/secretmanager.secretAccessor",
        ),
        (
            "tiny-europe-west1-mcpo-secret",
            "roles/secretmanager.secretAccessor",
        ),
    ];
    let expected = expected.map(|(name, role)| (name.to_owned(), role.to_owned()));
    assert_eq!(roles, BTreeSet::from(expected));
    let bucket = google.resource("buckets/tiny-europe-west1-123456789012-ledger");
    assert_eq!(
        bucket["iamConfiguration"]["publicAccessPrevention"],
        "enforced"
    );
}
