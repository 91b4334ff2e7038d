//! Failures of Google's APIs, of the network, and in the container.

use std::time::{Duration, Instant};

use mcpo_test_support::google::{Beginning, Fault, Google};

use crate::project::{Project, SERVICE, ask, google};

#[test]
fn apis_that_are_not_enabled_and_slow_to_come() {
    let google = Google::begin(Beginning {
        propagation: 2,
        ..Beginning::default()
    });
    google.fail("serviceusage.services.batchEnable", Fault::Slow(3), 1);
    let project = Project::new();
    project.deploy(&google, &[]).has(0, &["Enabled 6 APIs"]);
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn a_right_that_is_missing_is_named() {
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
        let said = project.run(google, &["--no-verify"]);
        let who = "grant deployer@my-project.iam.gserviceaccount.com a role";
        said.has(2, &[permission, who]);
        google.mend();
    };
    for (method, permission) in calls {
        let google = Google::begin(Beginning {
            is_enabled: !method.contains("batchEnable"),
            ..Beginning::default()
        });
        denied(&google, method, permission);
    }
    let google = google();
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "one");
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
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn quotas_and_passing_troubles_are_waited_out() {
    let (google, project) = (google(), Project::new());
    google.fail(
        "secretmanager.projects.secrets.create",
        Fault::Quota(Some(2)),
        1,
    );
    google.fail("iam.projects.serviceAccounts.create", Fault::Status(503), 2);
    google.fail("storage.buckets.insert", Fault::Cut, 2);
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
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn a_quota_that_stays_used_up_is_said() {
    let (google, project) = (google(), Project::new());
    google.fail(
        "iam.projects.serviceAccounts.create",
        Fault::Quota(Some(3600)),
        u32::MAX,
    );
    let said = project.run(&google, &["--no-verify"]);
    said.has(2, &["Quota exceeded", "run the same command again later"]);
}

#[test]
fn answers_that_are_lost_change_nothing() {
    let (google, project) = (google(), Project::new());
    for method in [
        "artifactregistry.projects.locations.repositories.create",
        "iam.projects.serviceAccounts.create",
        "secretmanager.projects.secrets.create",
        "storage.buckets.insert",
        "run.projects.locations.services.create",
    ] {
        google.fail(method, Fault::LostAnswer, 1);
    }
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "one");
    project.change("two");
    google.fail(
        "run.projects.locations.services.patch",
        Fault::LostAnswer,
        1,
    );
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn a_connection_cut_in_the_middle_of_the_upload() {
    let (google, project) = (google(), Project::new());
    google.fail("registry", Fault::CutBody(100_000), 1);
    project.deploy(&google, &[]).has(0, &["Pushed"]);
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn a_registry_that_is_down() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    google.fail("registry", Fault::Cut, u32::MAX);
    let said = project.run(&google, &["--no-verify"]);
    said.has(
        2,
        &[
            "europe-west1-docker.pkg.dev",
            "run the same command again to continue",
        ],
    );
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn a_registry_that_lets_nobody_push() {
    let (google, project) = (google(), Project::new());
    google.fail("registry", Fault::Status(403), u32::MAX);
    let said = project.run(&google, &["--no-verify"]);
    said.has(2, &["HTTP 403", "roles/artifactregistry.writer"]);
}

#[test]
fn an_operation_that_fails() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    let fault = Fault::OperationFails(
        9,
        "Revision 'tiny-00002' is not ready and cannot serve traffic.",
    );
    google.fail("run.projects.locations.services.patch", fault, 1);
    let said = project.run(&google, &["--no-verify"]);
    said.has(
        1,
        &[
            "does not start",
            "not ready and cannot serve",
            "tiny-00001",
            "keeps serving",
        ],
    );
    assert_eq!(ask(&google, "/version"), "one");
    // The same command again creates a new revision.
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "two");
}

#[test]
fn a_container_that_crashes_says_why_itself() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let said = project.run(&google, &["--no-verify", "--env", "MODE=crash"]);
    said.has(
        1,
        &[
            "wrote:",
            "the database is not there",
            "does not start",
            "keeps serving",
        ],
    );
    assert_eq!(ask(&google, "/version"), "one");
    let service = google.resource(SERVICE);
    let ready = service["latestReadyRevision"].as_str().unwrap();
    assert!(ready.contains("/tiny-00001-"), "{ready}");
}

#[test]
fn a_container_that_listens_elsewhere() {
    let (google, project) = (google(), Project::new());
    let said = project.run(&google, &["--no-verify", "--env", "MODE=wrong-port"]);
    said.has(
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
fn an_operation_that_runs_out_of_quota_is_not_a_broken_revision() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    project.change("two");
    let fault = Fault::OperationFails(8, "Quota exceeded for total allowable CPU per project.");
    google.fail("run.projects.locations.services.patch", fault, 1);
    let said = project.run(&google, &["--no-verify"]);
    said.has(
        2,
        &[
            "Quota exceeded for total allowable CPU",
            "tiny-00001-",
            "keeps serving",
        ],
    );
    assert!(!said.all().contains("does not start"), "{said}");
}

#[test]
fn a_new_account_that_cloud_run_does_not_know_yet_is_waited_for() {
    let (google, project) = (google(), Project::new());
    let account = "mcpo-tiny-europe-west1@my-project.iam.gserviceaccount.com";
    let body = serde_json::json!({ "error": { "code": 403, "status": "PERMISSION_DENIED", "message":
        format!("Permission 'iam.serviceaccounts.actAs' denied on service account {account} (or it may not exist).") } });
    let fault = Fault::Recorded(403, body.to_string());
    google.fail("run.projects.locations.services.create", fault.clone(), 2);
    project.deploy(&google, &[]);
    assert_eq!(ask(&google, "/version"), "one");
    // An account that existed before is not waited for.
    project.change("two");
    google.fail("run.projects.locations.services.patch", fault, u32::MAX);
    let said = project.run(&google, &["--no-verify"]);
    said.has(
        2,
        &["iam.serviceaccounts.actAs", "roles/iam.serviceAccountUser"],
    );
}

#[test]
fn what_was_in_flight_when_another_step_failed_is_named() {
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
    let said = project.run(&google, &["--no-verify"]);
    said.has(
        2,
        &["bucket tiny-europe-west1-123456789012-ledger (in flight: it may exist)"],
    );
}

#[test]
fn an_organization_that_forbids_public_services_is_reported_before_the_push() {
    let google = Google::begin(Beginning {
        is_enabled: true,
        forbids_public_services: true,
        ..Beginning::default()
    });
    let project = Project::new();
    let said = project.run(&google, &["--no-verify"]);
    said.has(
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
fn a_token_that_expires_in_the_middle() {
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
    assert_eq!(ask(&google, "/version"), "one");
}

#[test]
fn a_clock_that_is_ten_minutes_ahead() {
    let google = Google::begin(Beginning {
        clock_offset: -600,
        ..Beginning::default()
    });
    let said = Project::new().run(&google, &[]);
    said.has(2, &["this machine's clock is 10 minutes ahead"]);
}

#[test]
fn a_clock_that_is_ten_minutes_behind_does_no_harm() {
    let google = Google::begin(Beginning {
        clock_offset: 600,
        is_enabled: true,
        ..Beginning::default()
    });
    Project::new().run(&google, &["--dry-run"]).has(10, &[]);
}

#[test]
fn a_service_that_fails_its_walk_is_a_failed_check() {
    let (google, project) = (google(), Project::new());
    // The server answers, but does not implement OAuth.
    for outcome in ["Released tiny-00001-", "is released but fails a check"] {
        let said = project.run(&google, &[]);
        said.has(
            1,
            &[
                outcome,
                "fails a check",
                "mcpo deploy europe-west1 --rollback",
            ],
        );
        assert!(!said.all().contains("Verified"), "{said}");
        assert_eq!(said.stdout, "", "no address to paste");
    }
    let said = project.run(&google, &["--json"]);
    said.has(1, &[]);
    let end: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(end["outcome"], "failed");
    assert_eq!(end["exit_code"], 1);
}
