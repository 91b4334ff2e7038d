//! Secrets are stored in Secret Manager and nowhere else.

use std::{fs, process::Stdio, thread, time::Duration};

use mcpo_test_support::google::Fault;
use serde_json::json;

use crate::project::{Project, SERVICE, fetch, google, writes};

const VALUE: &str = "correct-horse-battery-staple";

#[test]
fn changed_secret_value_creates_a_new_version() {
    let project = Project::with("[package.metadata.mcpo]\nsecrets = [\"API_KEY\"]\n");
    let google = google();
    project.write(".env", &format!("API_KEY={VALUE}\n"));
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/variable/API_KEY"), VALUE);
    google.clear_calls();

    project.deploy(&google, &[]).has(0, &["Unchanged"]);
    assert_eq!(writes(&google), Vec::<String>::new());
    // A machine without the value can deploy as well.
    project.write(".env", "");
    project.deploy(&google, &[]).has(0, &["Unchanged"]);

    project.write(".env", "API_KEY=another\n");
    let result = project.deploy(&google, &[]);
    result.has(
        0,
        &[
            "new version of tiny-europe-west1-api-key",
            "variable API_KEY: changed",
        ],
    );
    assert_eq!(fetch(&google, "/variable/API_KEY"), "another");
    let service = google.resource(SERVICE);
    let env = service["template"]["containers"][0]["env"]
        .as_array()
        .unwrap();
    let key = env
        .iter()
        .find(|variable| variable["name"] == "API_KEY")
        .unwrap();
    assert_eq!(key["valueSource"]["secretKeyRef"]["version"], "2");
}

const SECRETS: &str = "projects/my-project/secrets";

#[test]
fn unused_secret_is_reported_and_deleted_with_the_service() {
    let project = Project::with("[package.metadata.mcpo]\nsecrets = [\"API_KEY\"]\n");
    let google = google();
    project.write(".env", &format!("API_KEY={VALUE}\n"));
    let result = project.deploy(&google, &[]);
    assert!(!result.stderr.contains("left over"), "{result}");
    let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap();
    project.write(
        "Cargo.toml",
        &manifest.replace("secrets = [\"API_KEY\"]", ""),
    );
    // The prefix of this name matches the service, but the secret belongs to a service named
    // `tiny-europe-west1`.
    let another = format!("{SECRETS}/tiny-europe-west1-europe-west1-api-key");
    google.put(
        &another,
        json!({ "name": another, "replication": { "automatic": {} }, "labels": {
            "managed-by": "mcpo", "mcpo-service": "tiny-europe-west1", "mcpo-region": "europe-west1",
        } }),
    );
    let warning = "secret tiny-europe-west1-api-key is left over";
    project.run(&google, &["--dry-run"]).has(10, &[warning]);
    let result = project.deploy(&google, &["--json"]);
    result.has(0, &[warning]);
    let summary: serde_json::Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(summary["left_over"], json!(["tiny-europe-west1-api-key"]));

    let list = "secretmanager.projects.secrets.list";
    google.fail(list, Fault::Denied("secretmanager.secrets.list"), u32::MAX);
    let result = project.deploy(&google, &[]);
    result.has(0, &["Unchanged"]);
    let result = project.run(&google, &["--delete", "--dry-run"]);
    result.has(10, &["permission secretmanager.secrets.list"]);
    google.clear_faults();

    let result = project.run(&google, &["--delete", "--yes"]);
    let removed = "Deleted secret tiny-europe-west1-api-key, which no setting uses";
    result.has(0, &[removed]);
    let repository = "projects/my-project/locations/europe-west1/repositories/mcpo";
    assert_eq!(google.resources(), [repository, &another]);
}

#[test]
fn secret_of_an_earlier_version_gets_the_service_labels() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    let name = format!("{SECRETS}/tiny-europe-west1-mcpo-secret");
    google.edit(&name, |secret| {
        secret["labels"] = json!({ "managed-by": "mcpo", "team": "a" });
    });
    google.clear_calls();
    let result = project.deploy(&google, &[]);
    result.has(
        0,
        &["~ secret tiny-europe-west1-mcpo-secret: labels that name its service"],
    );
    assert_eq!(writes(&google), ["secretmanager.projects.secrets.patch"]);
    let labels = &google.resource(&name)["labels"];
    assert_eq!(
        *labels,
        json!({ "managed-by": "mcpo", "team": "a", "mcpo-service": "tiny",
            "mcpo-region": "europe-west1" })
    );
    project.deploy(&google, &[]).has(0, &["Unchanged"]);
}

#[test]
fn generated_password_is_shown_once_and_kept() {
    let (google, project) = (google(), Project::new());
    let result = project.deploy(&google, &[]);
    let password = fetch(&google, "/variable/ADMIN_PASSWORD");
    assert!(
        password.len() >= 24 && result.stderr.contains(&password),
        "{result}"
    );
    assert_eq!(result.all().matches(&password).count(), 1);
    assert_eq!(fetch(&google, "/variable/MCPO_SECRET").len(), 43);

    let shown = project.run(&google, &["--show-password"]);
    assert_eq!(shown.stdout.trim(), password);
    project.change("two");
    let again = project.deploy(&google, &[]);
    assert!(!again.all().contains(&password), "{again}");
    assert_eq!(fetch(&google, "/variable/ADMIN_PASSWORD"), password);
}

#[test]
fn password_of_a_failed_deployment_is_shown_by_the_next_one() {
    let (google, project) = (google(), Project::new());
    let create = "run.projects.locations.services.create";
    google.fail(create, Fault::Denied("run.services.create"), u32::MAX);
    let failed = project.run(&google, &["--no-verify"]);
    failed.has(2, &["run.services.create"]);
    google.clear_faults();
    let result = project.deploy(&google, &[]);
    let password = fetch(&google, "/variable/ADMIN_PASSWORD");
    assert!(
        !failed.all().contains(&password) && result.stderr.contains(&password),
        "{result}"
    );
}

#[test]
fn password_of_a_killed_deployment_is_shown_once_by_the_next_one() {
    let (google, project) = (google(), Project::new());
    google.fail("run.projects.locations.services.create", Fault::Slow(20), 1);
    let mut run = project.start(&google, &["--no-verify"]);
    mcpo_test_support::wait::until("the service is created", || {
        (!google.resource(SERVICE).is_null()).then_some(())
    });
    run.kill().unwrap();
    run.wait().unwrap();
    // Google finishes the rollout.
    mcpo_test_support::wait::until("the revision is ready", || {
        google.resource(SERVICE)["latestReadyRevision"]
            .is_string()
            .then_some(())
    });
    let result = project.deploy(&google, &[]);
    let password = fetch(&google, "/variable/ADMIN_PASSWORD");
    assert_eq!(result.all().matches(&password).count(), 1, "{result}");
    result.has(
        0,
        &["Unchanged", "--show-password", "Settings → Connectors"],
    );
    let again = project.deploy(&google, &[]);
    assert!(!again.all().contains(&password), "{again}");
    project
        .run(&google, &["--dry-run"])
        .has(0, &["nothing to do"]);
}

#[test]
fn secrets_are_regional_if_a_setting_or_a_policy_requires_it() {
    let replication = |google: &mcpo_test_support::google::Google| {
        google.resource("projects/my-project/secrets/tiny-europe-west1-mcpo-secret")["replication"]
            .clone()
    };
    let regional = json!({ "userManaged": { "replicas": [{ "location": "europe-west1" }] } });
    let restricted =
        mcpo_test_support::google::Google::start_with(mcpo_test_support::google::InitialState {
            is_enabled: true,
            forbids_automatic_replication: true,
            ..Default::default()
        });
    Project::new()
        .deploy(&restricted, &[])
        .has(0, &["is stored in europe-west1"]);
    assert_eq!(replication(&restricted), regional);

    let google = google();
    let metadata = "[package.metadata.mcpo]\nsecret-replication = \"region\"\n";
    Project::with(metadata).deploy(&google, &[]);
    assert_eq!(replication(&google), regional);
}

#[test]
fn configured_sign_in_replaces_the_generated_password() {
    let project = Project::with("[package.metadata.mcpo]\nsecrets = [\"ADMIN_PASSWORD_HASH\"]\n");
    let google = google();
    project.write(".env", "ADMIN_PASSWORD_HASH=$argon2id$stand-in\n");
    let result = project.deploy(&google, &[]);
    assert!(!result.stderr.contains("shown only once"), "{result}");
    assert_eq!(fetch(&google, "/variable/ADMIN_PASSWORD"), "");
    let both = project.run(&google, &["--open-to-anyone"]);
    both.has(
        2,
        &["--open-to-anyone is given, but a sign-in is configured"],
    );
}

#[test]
fn open_to_anyone_flag_disables_the_password() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &["--open-to-anyone"]);
    assert_eq!(fetch(&google, "/variable/ADMIN_PASSWORD"), "");
    assert_eq!(fetch(&google, "/variable/MCPO_OPEN_TO_ANYONE"), "1");
}

/// Searches command lines, output, Google's resources and the image for secrets.
#[test]
fn secrets_are_stored_only_in_secret_manager() {
    let project = Project::with("[package.metadata.mcpo]\nsecrets = [\"API_KEY\"]\n");
    let google = google();
    let mut command = project.command(&google, &["--no-verify", "--json"]);
    command
        .env("API_KEY", VALUE)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let lines = watch_command_lines(child.id());
    let result = crate::project::RunResult::of(&child.wait_with_output().unwrap());
    result.has(0, &[]);
    let lines = lines.join().unwrap();
    assert!(
        lines.iter().any(|line| line.contains("--release")),
        "{lines:?}"
    );

    let mut secrets = google.secrets();
    assert_eq!(secrets.len(), 3);
    secrets.push("PRIVATE KEY".to_owned());
    let files = google.files();
    for secret in secrets {
        assert!(!result.all().contains(&secret), "{result}");
        assert!(!lines.iter().any(|line| line.contains(&secret)));
        let service = google.resource(SERVICE).to_string();
        assert!(!service.contains(&secret));
        for (path, bytes) in &files {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in {path}");
        }
    }
}

/// Returns the command lines of the process and its children, sampled until the process ends.
fn watch_command_lines(process: u32) -> thread::JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let mut seen = Vec::new();
        while mcpo_test_support::wait::is_running(process) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let path = entry.path();
                let status = fs::read_to_string(path.join("stat")).unwrap_or_default();
                let parent = status
                    .rsplit(')')
                    .next()
                    .and_then(|rest| rest.split_whitespace().nth(1));
                let is_child = parent.and_then(|parent| parent.parse().ok()) == Some(process);
                if is_child || path.ends_with(process.to_string()) {
                    let line = fs::read(path.join("cmdline")).unwrap_or_default();
                    seen.push(String::from_utf8_lossy(&line).replace('\0', " "));
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        seen
    })
}
