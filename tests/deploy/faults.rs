//! Failures of Google's APIs, of the network, and in the container, which end a deployment.

use mcpo_test_support::google::{Fault, Google, InitialState};

use crate::project::{Project, SERVICE, fetch, google};

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
fn clock_that_is_ten_minutes_ahead_is_reported() {
    let google = Google::start_with(InitialState {
        clock_offset: -600,
        ..InitialState::default()
    });
    let result = Project::new().run(&google, &[]);
    result.has(2, &["this machine's clock is 10 minutes ahead"]);
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
