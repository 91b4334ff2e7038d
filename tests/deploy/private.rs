//! Private services: requests without IAM permission are refused, and mcpo's own checks
//! authenticate.

use mcpo_test_support::google::{DEPLOYER, Fault};

use crate::project::{Project, SERVICE, fetch, google};

#[test]
fn private_service_refuses_anonymous_requests_and_is_probed() {
    let (google, project) = (google(), Project::new());
    // This server fails its checks. A failed check shows that the probe passed Google's front end.
    let result = project.run(&google, &["--private"]);
    result.has(1, &["fails a check"]);
    assert!(fetch(&google, "/version").contains("Forbidden"));
}

#[test]
fn private_service_that_all_users_can_call_fails_a_check() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &["--private"]);
    let policy_for_all_users = serde_json::json!({ "version": 1, "etag": "BwXabw==", "bindings": [
        { "role": "roles/run.invoker", "members": ["allUsers"] },
    ] });
    google.set_policy(SERVICE, policy_for_all_users);
    let result = project.run(&google, &["--private"]);
    result.has(
        1,
        &[
            "tiny should be private, but requests without permission are not refused",
            "HTTP 200 without authentication",
            "remove allUsers",
        ],
    );
}

#[test]
fn missing_invoke_permission_limits_the_verification() {
    let (google, project) = (google(), Project::new());
    let denied = Fault::Denied("run.routes.invoke");
    google.fail("run.routes.invoke", denied, u32::MAX);
    let result = project.run(&google, &["--private"]);
    result.has(
        0,
        &[
            "verified only in part",
            "are refused, including those of mcpo",
            "run.routes.invoke",
        ],
    );
}

#[test]
fn access_token_without_an_identity_limits_the_verification() {
    let (google, project) = (google(), Project::new());
    let mut command = project.command(&google, &["--private", "--project", "my-project"]);
    command
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("GOOGLE_OAUTH_ACCESS_TOKEN", google.token(DEPLOYER));
    let result = crate::project::RunResult::of(&command.output().unwrap());
    result.has(
        0,
        &[
            "verified only in part",
            "an access token cannot be used to get an identity token",
        ],
    );
}

#[test]
fn impersonated_service_account_is_used_for_the_probe() {
    let (google, project) = (google(), Project::new());
    let impersonation = ["--impersonate-service-account", DEPLOYER];
    let result = project.run(&google, &[&["--private"], &impersonation[..]].concat());
    result.has(1, &["fails a check"]);
    let calls = google.calls();
    let generate_id_token = "iamcredentials.projects.serviceAccounts.generateIdToken";
    assert!(
        calls.iter().any(|(id, _)| id == generate_id_token),
        "{calls:?}"
    );
}

#[test]
fn service_with_internal_ingress_is_not_probed() {
    let project = Project::with("[package.metadata.mcpo]\ningress = \"internal\"\n");
    let google = google();
    let result = project.run(&google, &[]);
    result.has(0, &["not verified: this ingress"]);
}
