//! The complete workflow with the server of the template: new, deploy, change, deploy, roll back.

use std::fs;

use mcpo_test_support::google::{Google, NUMBER};

use crate::{
    project::REGION,
    template_project::{deploy, password, probe, project},
};

#[test]
fn new_project_is_deployed_changed_and_rolled_back() {
    let project = project();
    let google = Google::start();

    let result = deploy(&project, &google, &[]);
    result.has(
        0,
        &[
            "Enabled 6 APIs",
            "Pushed",
            "Released my-service-00001-",
            "Verified",
            "Settings → Connectors",
        ],
    );
    assert_eq!(
        result.stdout.trim(),
        format!("https://my-service-{NUMBER}.{REGION}.run.app/mcp")
    );
    let password = password(&result);
    probe(&google, &project, &password, "greet").has(0, &["Hello, Ada!"]);
    // Without a lock file, this flag writes one.
    deploy(&project, &google, &["--accept-changes"]).has(0, &["Accepted ", "mcpo.lock"]);
    let locked = fs::read_to_string(project.join("mcpo.lock")).unwrap();
    assert!(locked.contains("\"greet\": {"), "{locked}");

    let source = fs::read_to_string(project.join("src/main.rs")).unwrap();
    fs::write(
        project.join("src/main.rs"),
        source.replace("Hello, {}!", "Good day, {}!").replacen(
            "read_only_hint = true",
            "read_only_hint = false",
            1,
        ),
    )
    .unwrap();
    let result = deploy(&project, &google, &[]);
    let accept = "accept them: mcpo deploy europe-west1";
    result.has(1, &["~ image: ", "1 trust change", accept]);
    let result = deploy(&project, &google, &["--accept-changes"]);
    result.has(
        0,
        &[
            "an existing client id and refresh token still work",
            "Accepted 1 trust change",
            "claude.ai caches",
        ],
    );
    probe(&google, &project, &password, "greet").has(0, &["Good day, Ada!"]);

    deploy(&project, &google, &["--rollback"]).has(0, &["Rolled back"]);
    probe(&google, &project, &password, "greet").has(0, &["Hello, Ada!"]);

    // The same checks behind Google's front end, with an identity token.
    let result = deploy(&project, &google, &["--private"]);
    result.has(
        0,
        &[
            "refresh token still work",
            "requests without IAM permission are refused",
        ],
    );
    probe(&google, &project, &password, "greet").has(1, &[]);
}
