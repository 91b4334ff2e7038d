//! Private services: requests without IAM permission are refused, and mcpo's own checks
//! authenticate.

use mcpo_test_support::google::{DEPLOYER, Fault};

use crate::project::{Project, SERVICE, ask, google};

#[test]
fn strangers_are_refused_and_the_walk_gets_in() {
    let (google, project) = (google(), Project::new());
    // This server fails its checks. A failed check shows that the walk passed Google's front end.
    let said = project.run(&google, &["--private"]);
    said.has(1, &["fails a check"]);
    assert!(ask(&google, "/version").contains("Forbidden"));
}

#[test]
fn a_private_service_that_lets_anybody_in_is_a_failed_check() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &["--private"]);
    let everybody = serde_json::json!({ "version": 1, "etag": "BwXabw==", "bindings": [
        { "role": "roles/run.invoker", "members": ["allUsers"] },
    ] });
    google.set_policy(SERVICE, everybody);
    let said = project.run(&google, &["--private"]);
    said.has(
        1,
        &[
            "tiny should be private, but requests without permission are not refused",
            "HTTP 200 without authentication",
            "remove allUsers",
        ],
    );
}

#[test]
fn who_may_not_call_it_is_told_what_was_not_seen() {
    let (google, project) = (google(), Project::new());
    let denied = Fault::Denied("run.routes.invoke");
    google.fail("run.routes.invoke", denied, u32::MAX);
    let said = project.run(&google, &["--private"]);
    said.has(
        0,
        &[
            "verified only in part",
            "are refused, including those of mcpo",
            "run.routes.invoke",
        ],
    );
}

#[test]
fn an_access_token_alone_says_nobodys_identity() {
    let (google, project) = (google(), Project::new());
    let mut command = project.command(&google, &["--private", "--project", "my-project"]);
    command
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("GOOGLE_OAUTH_ACCESS_TOKEN", google.token(DEPLOYER));
    let said = crate::project::Said::of(&command.output().unwrap());
    said.has(
        0,
        &[
            "verified only in part",
            "an access token cannot be used to get an identity token",
        ],
    );
}

#[test]
fn who_acts_as_a_service_account_gets_in_as_that() {
    let (google, project) = (google(), Project::new());
    let robot = ["--impersonate-service-account", DEPLOYER];
    let said = project.run(&google, &[&["--private"], &robot[..]].concat());
    said.has(1, &["fails a check"]);
    let calls = google.calls();
    let asked = "iamcredentials.projects.serviceAccounts.generateIdToken";
    assert!(calls.iter().any(|(id, _)| id == asked), "{calls:?}");
}

#[test]
fn what_is_let_in_from_inside_only_is_not_walked() {
    let project = Project::with("[package.metadata.mcpo]\ningress = \"internal\"\n");
    let google = google();
    let said = project.run(&google, &[]);
    said.has(0, &["not verified: this ingress"]);
}
