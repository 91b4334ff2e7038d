//! Tests each kind of credentials, and the error when there are none.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use mcpo_test_support::google::{DEPLOYER, Google};
use serde_json::json;

use crate::project::{Project, RunResult, google};

/// Runs `--dry-run` without the service account file.
fn without_file(project: &Project, google: &Google) -> Command {
    let mut command = project.command(google, &["--dry-run", "--project", "my-project"]);
    command
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("GCE_METADATA_HOST", "127.0.0.1:9");
    command
}

/// Runs `--dry-run` with this credential file.
fn with_file(project: &Project, google: &Google, file: &serde_json::Value) -> RunResult {
    project.write("credentials.json", &file.to_string());
    let mut command = without_file(project, google);
    command.env(
        "GOOGLE_APPLICATION_CREDENTIALS",
        project.path("credentials.json"),
    );
    RunResult::of(&command.output().unwrap())
}

#[test]
fn missing_credentials_error_lists_each_source_with_its_reason() {
    let (google, project) = (google(), Project::new());
    let mut command = without_file(&project, &google);
    // The `PATH` is an empty folder, so `gcloud` is not found.
    command
        .env("CARGO", env!("CARGO"))
        .env("PATH", project.path("src"));
    let result = RunResult::of(&command.output().unwrap());
    result.has(
        2,
        &[
            "found no credentials for Google Cloud",
            "GOOGLE_OAUTH_ACCESS_TOKEN: not set",
            "GOOGLE_APPLICATION_CREDENTIALS: not set",
            "application_default_credentials.json: file not found",
            "the metadata server: not running on Google Cloud",
            "gcloud: not installed",
        ],
    );
}

#[test]
fn invalid_credentials_file_prevents_the_use_of_other_sources() {
    let (google, project) = (google(), Project::new());
    let cases = [
        ("no JSON", "the file is not JSON"),
        ("{}", "the file has no type"),
        (
            r#"{"type": "something"}"#,
            "unsupported credential type \"something\"",
        ),
        (r#"{"type": "authorized_user"}"#, "the file is incomplete"),
        (
            r#"{"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "http://evil.example/", "credential_source": {}}"#,
            "a URL without https",
        ),
    ];
    for (text, reason) in cases {
        project.write("credentials.json", text);
        let mut command = without_file(&project, &google);
        command.env(
            "GOOGLE_APPLICATION_CREDENTIALS",
            project.path("credentials.json"),
        );
        let result = RunResult::of(&command.output().unwrap());
        result.has(2, &["GOOGLE_APPLICATION_CREDENTIALS (", reason]);
        assert!(!result.all().contains("metadata server"), "{result}");
    }
}

#[test]
fn user_credentials_are_accepted_until_they_are_revoked() {
    let (google, project) = (google(), Project::new());
    let file = |token: &str| {
        json!({
            "type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": token,
        })
    };
    with_file(&project, &google, &file("good-refresh-token")).has(10, &["as the signed-in user"]);
    let result = with_file(&project, &google, &file("revoked"));
    result.has(
        2,
        &["oauth2.googleapis.com refused with HTTP 400: Token has been expired or revoked."],
    );
}

#[test]
fn service_account_key_works_behind_a_proxy() {
    let (google, project) = (google(), Project::new());
    let file = std::fs::read_to_string(google.credentials()).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&file).unwrap();
    // This URL is reachable only through the proxy.
    file["token_uri"] = "https://oauth2.googleapis.com/token".into();
    with_file(&project, &google, &file).has(10, &[&format!("as {DEPLOYER}")]);
}

#[test]
fn unreachable_proxy_is_reported_without_its_password() {
    let (google, project) = (google(), Project::new());
    let mut command = project.command(&google, &["--dry-run"]);
    command.env("HTTPS_PROXY", "http://user:swordfish@127.0.0.1:9");
    let began = std::time::Instant::now();
    let result = RunResult::of(&command.output().unwrap());
    result.has(
        2,
        &["the proxy 127.0.0.1:9 from HTTPS_PROXY is unreachable"],
    );
    assert!(!result.all().contains("swordfish"), "{result}");
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn workload_identity_federation_is_supported() {
    let (google, project) = (google(), Project::new());
    project.write("token", "good-subject-token\n");
    let mut file = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/g",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": { "file": project.path("token") },
    });
    with_file(&project, &google, &file).has(10, &["as //iam.googleapis.com/projects/1"]);

    file["service_account_impersonation_url"] = format!(
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{DEPLOYER}:generateAccessToken"
    )
    .into();
    with_file(&project, &google, &file).has(10, &[&format!("as {DEPLOYER}")]);

    project.write("token", r#"{"value": "good-subject-token"}"#);
    file["credential_source"]["format"] =
        json!({ "type": "json", "subject_token_field_name": "value" });
    with_file(&project, &google, &file).has(10, &[]);

    // As on GitHub Actions: a URL with an authorization header.
    let by_file = file["credential_source"].take();
    file["credential_source"] = json!({
        "url": format!("http://{}/oidc-token?audience=x", google.address()),
        "headers": { "Authorization": "Bearer a-request-token" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    with_file(&project, &google, &file).has(10, &[]);
    file["credential_source"] = by_file;

    project.write("token", r#"{"value": "bad"}"#);
    with_file(&project, &google, &file).has(2, &["sts.googleapis.com refused with HTTP 400"]);
}

#[test]
fn access_token_variable_and_metadata_server_are_supported() {
    let (google, project) = (google(), Project::new());
    let mut command = without_file(&project, &google);
    command.env(
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        google.token("someone@example.com"),
    );
    RunResult::of(&command.output().unwrap())
        .has(10, &["as the holder of GOOGLE_OAUTH_ACCESS_TOKEN"]);

    let mut command = without_file(&project, &google);
    command.env("GCE_METADATA_HOST", google.address().to_string());
    RunResult::of(&command.output().unwrap()).has(10, &[]);
}

#[test]
fn service_account_can_be_impersonated() {
    let (google, project) = (google(), Project::new());
    let other = "other@my-project.iam.gserviceaccount.com";
    let result = project.run(
        &google,
        &["--dry-run", "--impersonate-service-account", other],
    );
    result.has(10, &[&format!("as {other}")]);
}

/// Runs with a fake `gcloud` at the front of the `PATH`.
fn with_gcloud(project: &Project, google: &Google, script: &str) -> RunResult {
    let folder = project.path("programs");
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("gcloud");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let rest = std::env::var("PATH").unwrap();
    let mut command = without_file(project, google);
    command.env("PATH", format!("{}:{rest}", folder.display()));
    RunResult::of(&command.output().unwrap())
}

#[test]
fn gcloud_is_tried_last_and_its_error_is_shown() {
    let (google, project) = (google(), Project::new());
    let token = google.token(DEPLOYER);
    let script = format!("[ \"$2\" = print-access-token ] && echo {token}");
    with_gcloud(&project, &google, &script).has(10, &["as the gcloud user"]);

    let script = "echo 'ERROR: (gcloud.auth.print-access-token) You do not currently have an active account selected.' >&2; exit 1";
    let result = with_gcloud(&project, &google, script);
    result.has(
        2,
        &["You do not currently have an active account selected."],
    );
}
