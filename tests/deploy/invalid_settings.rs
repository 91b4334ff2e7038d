//! Mistakes in the settings are reported together, before any request to Google.

use mcpo_test_support::google::{Fault, Google};

use crate::project::{Project, google, writes};

#[test]
fn all_invalid_settings_are_reported_together() {
    let project = Project::with(
        "[package.metadata.mcpo]\nservice = \"Not_A_Name\"\nmemory = \"much\"\ncpu = \"3\"\n\
         env = { ADMIN_PASSWORD = \"x\", PORT = \"1\" }\nlabels = { Team = \"x\" }\n",
    );
    let google = google();
    let result = project.run(&google, &[]);
    result.has(
        2,
        &[
            "6 settings are invalid",
            "invalid service name \"Not_A_Name\"",
            "invalid memory \"much\"",
            "unsupported cpu \"3\"",
            "ADMIN_PASSWORD is a secret and must not be in env",
            "PORT is reserved by Cloud Run",
            "invalid label Team = \"x\"",
        ],
    );
    assert_eq!(google.calls(), []);
}

#[test]
fn unknown_region_is_rejected_with_a_suggestion() {
    let (google, project) = (google(), Project::new());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mcpo"))
        .args(["deploy", "europe-wset1"])
        .current_dir(project.path(""))
        .output()
        .unwrap();
    let result = crate::project::RunResult::of(&output);
    result.has(
        2,
        &[
            "unknown region \"europe-wset1\"",
            "did you mean europe-west1?",
        ],
    );
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn too_long_service_name_is_rejected() {
    let (google, project) = (google(), Project::new());
    let result = project.run(&google, &["--service", &"a".repeat(50)]);
    result.has(2, &["has 50 characters", "Cloud Run allows 49"]);
    assert_eq!(google.calls(), []);
}

fn dry_run_in(google: &Google, region: &str) -> crate::project::RunResult {
    let project = Project::new();
    let command = project.command(google, &["--dry-run"]);
    let mut elsewhere = std::process::Command::new(command.get_program());
    crate::project::isolated(&mut elsewhere, google).current_dir(project.path(""));
    elsewhere.args(command.get_args().map(|argument| {
        if argument == "europe-west1" {
            region.as_ref()
        } else {
            argument
        }
    }));
    crate::project::RunResult::of(&elsewhere.output().unwrap())
}

#[test]
fn region_unknown_to_this_version_is_checked_at_google() {
    let newer = "the region europe-west99 is newer than this version";
    let without_api = Google::start();
    dry_run_in(&without_api, "europe-west99").has(10, &[newer]);

    let google = google();
    let result = dry_run_in(&google, "europe-west99");
    result.has(10, &[]);
    assert!(!result.all().contains("newer than"), "{result}");
    let result = dry_run_in(&google, "mexico-central1");
    result.has(
        2,
        &[
            "Cloud Run has no region \"mexico-central1\"",
            "did you mean us-central1?",
        ],
    );
    assert_eq!(writes(&google), Vec::<String>::new());

    let denied = Fault::Denied("run.locations.list");
    google.fail("run.projects.locations.list", denied, 1);
    dry_run_in(&google, "europe-west99").has(10, &[newer]);
}

#[test]
fn settings_beyond_the_limits_of_google_are_rejected() {
    let google = google();
    let with = |settings: &str| Project::with(&format!("[package.metadata.mcpo]\n{settings}\n"));
    for (settings, expected) in [
        ("cpu = \"4\"", "memory 512Mi is too little for 4 CPU"),
        (
            "cpu = \"8\"\nmemory = \"2Gi\"",
            "memory 2Gi is too little for 8 CPU",
        ),
        ("memory = \"8Gi\"", "memory 8Gi is too much for 1 CPU"),
        (
            "memory = \"64Gi\"\ncpu = \"8\"",
            "memory 64Gi is too much for 8 CPU",
        ),
        ("memory = \"256Mi\"", "memory 256Mi is too little for 1 CPU"),
        ("cpu = \"0.5\"", "cpu 0.5 needs concurrency = 1"),
        ("concurrency = 2000", "concurrency must be 1 to 1000"),
        (
            "timeout-seconds = 7200",
            "timeout-seconds must be 1 to 3600",
        ),
        ("min-instances = 5", "contradict each other"),
        (
            "labels = { goog-x = \"1\" }",
            "the label goog-x is reserved",
        ),
        (
            "env = { X_GOOGLE_A = \"1\" }",
            "X_GOOGLE_A starts with X_GOOGLE_",
        ),
        ("env = { MCPO_HOSTS = \"1\" }", "MCPO_HOSTS is reserved"),
        (
            &format!("env = {{ A = \"{}\" }}", "x".repeat(40_000)),
            "the value of A has 40000 bytes",
        ),
    ] {
        with(settings).run(&google, &[]).has(2, &[expected]);
    }
    let project = Project::new();
    let result = project.run(&google, &["--no-traffic", "--tag", "Next_"]);
    result.has(2, &["invalid tag \"Next_\""]);
    assert_eq!(google.calls(), []);
    let tag = "a".repeat(50);
    let result = project.run(&google, &["--no-traffic", "--tag", &tag]);
    result.has(2, &["at most 63 are allowed", "--tag"]);
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn too_long_label_is_rejected() {
    let label = format!(
        "[package.metadata.mcpo]\nlabels = {{ a = \"{}\" }}\n",
        "x".repeat(64)
    );
    let result = Project::with(&label).run(&google(), &[]);
    result.has(2, &["invalid label a = ", "at most 63"]);
}

#[test]
fn unknown_setting_is_rejected() {
    let project = Project::with("[package.metadata.mcpo]\nmax_instances = 3\n");
    project
        .run(&google(), &[])
        .has(2, &["unknown field `max_instances`", "max-instances"]);
}

#[test]
fn missing_project_id_is_reported() {
    let (google, project) = (google(), Project::new());
    let mut command = project.command(&google, &[]);
    command.env_remove("GOOGLE_APPLICATION_CREDENTIALS");
    command.env(
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        google.token("someone@example.com"),
    );
    let result = crate::project::RunResult::of(&command.output().unwrap());
    result.has(2, &["missing project id", "--project my-project"]);
}

#[test]
fn secret_without_a_value_is_rejected() {
    let project = Project::with("[package.metadata.mcpo]\nsecrets = [\"API_KEY\"]\n");
    let google = google();
    let result = project.run(&google, &[]);
    result.has(2, &["API_KEY is set neither in the shell nor in .env"]);
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn service_not_created_by_mcpo_requires_adopt() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    google.edit(crate::project::SERVICE, |service| {
        service["labels"] = serde_json::json!({ "team": "a" });
        service["client"] = "gcloud".into();
        let variables = &mut service["template"]["containers"][0]["env"];
        let old = serde_json::json!({ "name": "OLD", "value": "x" });
        variables.as_array_mut().unwrap().push(old);
    });
    project.change("two");
    let result = project.run(&google, &["--no-verify"]);
    result.has(2, &["was not created by mcpo", "--adopt"]);
    google.clear_calls();
    let result = project.run(&google, &["--adopt", "--dry-run"]);
    result.has(
        10,
        &[
            "Adopt tiny, which mcpo did not create; gcloud wrote it last",
            "This removes 1 variable that no setting names: OLD",
            "labels team",
            "to go back: mcpo deploy europe-west1 --rollback tiny-00001-",
        ],
    );
    let result = project.run(&google, &["--adopt", "--dry-run", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(report["adoption"]["removed_variables"][0], "OLD");
    assert_eq!(writes(&google), Vec::<String>::new());
    project.deploy(&google, &["--adopt"]);
    let result = project.deploy(&google, &["--adopt", "--dry-run"]);
    assert!(!result.all().contains("Adopt"), "{result}");
}

#[test]
fn dynamically_linked_executable_is_rejected() {
    let (google, project) = (google(), Project::new());
    project.write(
        "build.rs",
        r#"fn main() {
            println!("cargo::rustc-link-arg-bins=-Wl,--dynamic-linker=/lib64/ld-linux-x86-64.so.2");
        }"#,
    );
    let result = project.run(&google, &["--no-verify"]);
    result.has(2, &["dynamically linked"]);
    assert_eq!(writes(&google), Vec::<String>::new());
}

#[test]
fn ledger_url_with_a_password_must_be_a_secret() {
    let metadata = "[package.metadata.mcpo]\nledger = \"redis://:swordfish@cache\"\n";
    let result = Project::with(metadata).run(&google(), &[]);
    result.has(2, &["is a secret", "secrets = [\"MCPO_LEDGER\"]"]);
    assert!(!result.all().contains("swordfish"), "{result}");
}
