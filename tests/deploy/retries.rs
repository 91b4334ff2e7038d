//! Failures of Google's APIs and of the network that a deployment survives.

use std::time::{Duration, Instant};

use mcpo_test_support::google::{Fault, Google, InitialState};

use crate::project::{Project, fetch, google};

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
fn clock_that_is_ten_minutes_behind_is_accepted() {
    let google = Google::start_with(InitialState {
        clock_offset: 600,
        is_enabled: true,
        ..InitialState::default()
    });
    Project::new().run(&google, &["--dry-run"]).has(10, &[]);
}
