//! Failures of Google's APIs, of the network, and in the container.

use std::time::{Duration, Instant};

use mcpo_test_support::google::{Fault, Google, InitialState};

use crate::project::{Project, SERVICE, fetch, google};

#[test]
fn disabled_apis_are_enabled_and_waited_for() {
    let google = Google::start_with(InitialState {
        propagation: 2,
        ..InitialState::default()
    });
    google.fail("serviceusage.services.batchEnable", Fault::Slow(3), 1);
    let project = Project::new();
    project.deploy(&google, &[]).has(0, &["Enabled 6 APIs"]);
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn missing_permission_is_named() {
    let calls = [
        (
            "serviceusage.services.batchGet",
            "serviceusage.services.get",
        ),
        (
            "serviceusage.services.batchEnable",
            "serviceusage.services.enable",
        ),
        (
            "artifactregistry.projects.locations.repositories.create",
            "artifactregistry.repositories.create",
        ),
        (
            "iam.projects.serviceAccounts.create",
            "iam.serviceAccounts.create",
        ),
        (
            "secretmanager.projects.secrets.create",
            "secretmanager.secrets.create",
        ),
        (
            "secretmanager.projects.secrets.addVersion",
            "secretmanager.versions.add",
        ),
        (
            "secretmanager.projects.secrets.getIamPolicy",
            "secretmanager.secrets.getIamPolicy",
        ),
        (
            "secretmanager.projects.secrets.setIamPolicy",
            "secretmanager.secrets.setIamPolicy",
        ),
        ("storage.buckets.insert", "storage.buckets.create"),
        (
            "storage.buckets.getIamPolicy",
            "storage.buckets.getIamPolicy",
        ),
        (
            "storage.buckets.setIamPolicy",
            "storage.buckets.setIamPolicy",
        ),
        (
            "run.projects.locations.services.create",
            "run.services.create",
        ),
        (
            "run.projects.locations.operations.get",
            "run.operations.get",
        ),
        ("run.projects.locations.services.get", "run.services.get"),
        (
            "artifactregistry.projects.locations.repositories.get",
            "artifactregistry.repositories.get",
        ),
        (
            "iam.projects.serviceAccounts.get",
            "iam.serviceAccounts.get",
        ),
        (
            "secretmanager.projects.secrets.get",
            "secretmanager.secrets.get",
        ),
        ("storage.buckets.get", "storage.buckets.get"),
    ];
    let project = Project::new();
    let denied = |google: &Google, method: &str, permission: &'static str| {
        google.fail(method, Fault::Denied(permission), u32::MAX);
        let result = project.run(google, &["--no-verify"]);
        let who = "grant deployer@my-project.iam.gserviceaccount.com a role";
        result.has(2, &[permission, who]);
        google.clear_faults();
    };
    for (method, permission) in calls {
        let google = Google::start_with(InitialState {
            is_enabled: !method.contains("batchEnable"),
            ..InitialState::default()
        });
        denied(&google, method, permission);
    }
    let google = google();
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "one");
    denied(
        &google,
        "secretmanager.projects.secrets.versions.get",
        "secretmanager.versions.get",
    );
    google.fail(
        "run.projects.locations.services.patch",
        Fault::Denied("run.services.update"),
        u32::MAX,
    );
    project.change("two");
    project
        .run(&google, &["--no-verify"])
        .has(2, &["run.services.update"]);
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn quota_and_temporary_errors_are_retried() {
    let (google, project) = (google(), Project::new());
    google.fail(
        "secretmanager.projects.secrets.create",
        Fault::Quota(Some(2)),
        1,
    );
    google.fail("iam.projects.serviceAccounts.create", Fault::Status(503), 2);
    google.fail("storage.buckets.insert", Fault::Disconnect, 2);
    google.fail(
        "run.projects.locations.services.create",
        Fault::Status(500),
        1,
    );
    google.fail("registry", Fault::Status(503), 2);
    let began = Instant::now();
    project.deploy(&google, &[]);
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "Retry-After was not heeded"
    );
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn exhausted_quota_is_reported() {
    let (google, project) = (google(), Project::new());
    google.fail(
        "iam.projects.serviceAccounts.create",
        Fault::Quota(Some(3600)),
        u32::MAX,
    );
    let result = project.run(&google, &["--no-verify"]);
    result.has(2, &["Quota exceeded", "run the same command again later"]);
}

#[test]
fn deployment_succeeds_after_lost_responses() {
    let (google, project) = (google(), Project::new());
    for method in [
        "artifactregistry.projects.locations.repositories.create",
        "iam.projects.serviceAccounts.create",
        "secretmanager.projects.secrets.create",
        "storage.buckets.insert",
        "run.projects.locations.services.create",
    ] {
        google.fail(method, Fault::LostResponse, 1);
    }
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "one");
    project.change("two");
    google.fail(
        "run.projects.locations.services.patch",
        Fault::LostResponse,
        1,
    );
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "two");
}

#[test]
fn interrupted_image_upload_is_retried() {
    let (google, project) = (google(), Project::new());
    google.fail("registry", Fault::DisconnectAfter(100_000), 1);
    project.deploy(&google, &[]).has(0, &["Pushed"]);
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn unreachable_registry_keeps_the_old_revision_serving() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    google.fail("registry", Fault::Disconnect, u32::MAX);
    let result = project.run(&google, &["--no-verify"]);
    result.has(
        2,
        &[
            "europe-west1-docker.pkg.dev",
            "run the same command again to continue",
        ],
    );
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn denied_push_names_the_required_role() {
    let (google, project) = (google(), Project::new());
    google.fail("registry", Fault::Status(403), u32::MAX);
    let result = project.run(&google, &["--no-verify"]);
    result.has(2, &["HTTP 403", "roles/artifactregistry.writer"]);
}

#[test]
fn failed_operation_keeps_the_old_revision_serving() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    let fault = Fault::OperationFails(
        9,
        "Revision 'tiny-00002' is not ready and cannot serve traffic.",
    );
    google.fail("run.projects.locations.services.patch", fault, 1);
    let result = project.run(&google, &["--no-verify"]);
    result.has(
        1,
        &[
            "does not start",
            "not ready and cannot serve",
            "tiny-00001",
            "keeps serving",
        ],
    );
    assert_eq!(fetch(&google, "/version"), "one");
    // The same command again creates a new revision.
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "two");
}

#[test]
fn container_crash_shows_the_output_of_the_container() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let result = project.run(&google, &["--no-verify", "--env", "MODE=crash"]);
    result.has(
        1,
        &[
            "wrote:",
            "the database is not there",
            "does not start",
            "keeps serving",
        ],
    );
    assert_eq!(fetch(&google, "/version"), "one");
    let service = google.resource(SERVICE);
    let ready = service["latestReadyRevision"].as_str().unwrap();
    assert!(ready.contains("/tiny-00001-"), "{ready}");
}

#[test]
fn container_on_a_wrong_port_fails_and_lists_created_resources() {
    let (google, project) = (google(), Project::new());
    let result = project.run(&google, &["--no-verify", "--env", "MODE=wrong-port"]);
    result.has(
        1,
        &[
            "failed to start and listen on the port",
            "This run created:",
            "service tiny",
            "mcpo deploy europe-west1 --delete",
        ],
    );
}

#[test]
fn exhausted_quota_is_not_reported_as_a_broken_revision() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    let fault = Fault::OperationFails(8, "Quota exceeded for total allowable CPU per project.");
    google.fail("run.projects.locations.services.patch", fault, 1);
    let result = project.run(&google, &["--no-verify"]);
    result.has(
        2,
        &[
            "Quota exceeded for total allowable CPU",
            "tiny-00001-",
            "keeps serving",
        ],
    );
    assert!(!result.all().contains("does not start"), "{result}");
}

#[test]
fn new_service_account_is_waited_for() {
    let (google, project) = (google(), Project::new());
    let account = "mcpo-tiny-europe-west1@my-project.iam.gserviceaccount.com";
    let body = serde_json::json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "message":
        format!("Permission 'iam.serviceaccounts.actAs' denied on service account {account} (or it may not exist).") } });
    let fault = Fault::Recorded(403, body.to_string());
    google.fail("run.projects.locations.services.create", fault.clone(), 2);
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "one");
    // An account that existed before is not waited for.
    project.change("two");
    google.fail("run.projects.locations.services.patch", fault, u32::MAX);
    let result = project.run(&google, &["--no-verify"]);
    result.has(
        2,
        &["iam.serviceaccounts.actAs", "roles/iam.serviceAccountUser"],
    );
}

#[test]
fn requests_in_progress_during_a_failure_are_listed() {
    let (google, project) = (google(), Project::new());
    google.fail("storage.buckets.insert", Fault::Hangs(60), 1);
    // At this time, the request for the bucket has been sent.
    let create = "secretmanager.projects.secrets.create";
    google.fail(create, Fault::Quota(Some(3)), 2);
    let denied = Fault::Denied("secretmanager.versions.add");
    google.fail(
        "secretmanager.projects.secrets.addVersion",
        denied,
        u32::MAX,
    );
    let result = project.run(&google, &["--no-verify"]);
    result.has(
        2,
        &["bucket tiny-europe-west1-123456789012-ledger (in flight: it may exist)"],
    );
}

#[test]
fn policy_against_public_services_is_reported_before_the_push() {
    let google = Google::start_with(InitialState {
        is_enabled: true,
        forbids_public_services: true,
        ..InitialState::default()
    });
    let project = Project::new();
    let result = project.run(&google, &["--no-verify"]);
    result.has(
        2,
        &[
            "the organization forbids services that anyone can reach",
            "constraints/run.managed.requireInvokerIam",
            "mcpo deploy europe-west1 --private",
        ],
    );
    assert_eq!(google.resources(), Vec::<String>::new());
    project.deploy(&google, &["--private"]);
}

#[test]
fn expired_access_token_is_replaced() {
    let (google, project) = (google(), Project::new());
    google.fail(
        "secretmanager.projects.secrets.addVersion",
        Fault::TokensExpire,
        1,
    );
    google.fail(
        "run.projects.locations.services.create",
        Fault::TokensExpire,
        1,
    );
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "one");
}

#[test]
fn clock_that_is_ten_minutes_ahead_is_reported() {
    let google = Google::start_with(InitialState {
        clock_offset: -600,
        ..InitialState::default()
    });
    let result = Project::new().run(&google, &[]);
    result.has(2, &["this machine's clock is 10 minutes ahead"]);
}

#[test]
fn clock_that_is_ten_minutes_behind_is_accepted() {
    let google = Google::start_with(InitialState {
        clock_offset: 600,
        is_enabled: true,
        ..InitialState::default()
    });
    Project::new().run(&google, &["--dry-run"]).has(10, &[]);
}

#[test]
fn service_that_fails_the_probe_exits_with_1() {
    let (google, project) = (google(), Project::new());
    // The server answers, but does not implement OAuth.
    for outcome in ["Released tiny-00001-", "is released but fails a check"] {
        let result = project.run(&google, &[]);
        result.has(
            1,
            &[
                outcome,
                "fails a check",
                "mcpo deploy europe-west1 --rollback",
            ],
        );
        assert!(!result.all().contains("Verified"), "{result}");
        assert_eq!(result.stdout, "", "no address to paste");
    }
    let result = project.run(&google, &["--json"]);
    result.has(1, &[]);
    let end: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(end["outcome"], "failed");
    assert_eq!(end["exit_code"], 1);
}
