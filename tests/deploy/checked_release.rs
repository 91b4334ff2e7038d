//! Checked releases of a server that users sign in to. Each revision is a small relay to one real
//! server on this machine, so that no test builds the runtime.

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
};

use mcpo_test_support::{
    caller_tools,
    google::{Fault, Google, NUMBER},
    http,
    process::{SECRET, free_port},
    wait,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::json_schema;
use crate::project::{Project, REGION, RunResult, SERVICE, google, writes};

const MANIFEST: &str = "[package.metadata.mcpo]\nsecrets = [\"ADMIN_PASSWORD\"]\n";
const PASSWORD: &str = "a-long-password-for-tests";

/// Selects [`backend`] as the server instead of a test.
pub const IS_BACKEND: &str = "MCPO_TEST_BACKEND";

/// The real server. It runs in a separate process, because its configuration is the environment.
#[test]
fn backend() {
    if env::var_os(IS_BACKEND).is_some() {
        let _ = caller_tools::serve();
    }
}

/// A project whose revisions relay to a running server.
pub struct Service {
    pub google: Google,
    pub project: Project,
    backend: Child,
    port: u16,
    _state: TempDir,
}

impl Service {
    /// Starts everything and deploys the first revision.
    pub fn start(arguments: &[&str]) -> Self {
        let (google, project) = (google(), Project::with(MANIFEST));
        let layer = include_str!("../support/fixtures/breakable/src/breakable.rs");
        project.write("src/breakable.rs", layer);
        let main =
            "mod breakable;\nfn main() -> std::process::ExitCode {\n    breakable::relay()\n}\n";
        project.write("src/main.rs", main);
        project.write(".env", &format!("ADMIN_PASSWORD={PASSWORD}\n"));
        let host = format!("tiny-{NUMBER}.{REGION}.run.app");
        let (port, state) = (free_port(), tempfile::tempdir().unwrap());
        let backend = start_backend(port, &host, PASSWORD, SECRET, state.path());
        let service = Self {
            google,
            project,
            backend,
            port,
            _state: state,
        };
        service.run(arguments).has(0, &["Released tiny-00001-"]);
        service
    }

    pub fn run(&self, arguments: &[&str]) -> RunResult {
        let child = self.begin(arguments);
        let result = RunResult::of(&child.wait_with_output().unwrap());
        json_schema::check(arguments, &result);
        result
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        let backend = format!("BACKEND={}", self.port);
        let arguments = [&["--env", &backend], arguments].concat();
        self.project.start(&self.google, &arguments)
    }

    /// Returns the names of all revisions, oldest first.
    pub fn revisions(&self) -> Vec<String> {
        let prefix = format!("{SERVICE}/revisions/");
        let names = self.google.resources();
        let names = names.iter().filter_map(|name| name.strip_prefix(&prefix));
        names.map(str::to_owned).collect()
    }

    /// Returns the share of the revision in percent.
    pub fn share(&self, revision: &str) -> i64 {
        let service = self.google.resource(SERVICE);
        let statuses = service["trafficStatuses"].as_array().unwrap().iter();
        let shares = statuses
            .filter(|status| status["revision"] == revision)
            .map(|status| status["percent"].as_i64().unwrap_or(0));
        shares.sum()
    }

    /// Sets the state that a checked release of the second revision leaves if it is killed after it
    /// has shifted this share of the requests.
    fn interrupt(&self, names: &[String], percent: i64) {
        let kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
        let target = |name: &str, percent: i64| json!({ "type": kind, "revision": name, "percent": percent });
        let mut targets = vec![target(&names[1], percent)];
        if percent < 100 {
            targets.push(target(&names[0], 100 - percent));
        }
        targets.push(json!({ "type": kind, "revision": names[1], "tag": "mcpo" }));
        self.google.edit(SERVICE, |service| {
            service["traffic"] = json!(targets);
            service["trafficStatuses"] = json!(targets);
            service["annotations"]["mcpo-before"] = format!("{}=100", names[0]).into();
        });
    }
}

/// Starts a real server, and waits until it answers.
pub fn start_backend(port: u16, host: &str, password: &str, ring: &str, state: &Path) -> Child {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "checked_release::backend", "--nocapture"])
        .env(IS_BACKEND, "1")
        .env("ADMIN_PASSWORD", password)
        .env("BASE_URL", format!("https://{host}"))
        .env("K_SERVICE", "tiny")
        .env("MCPO_HOSTS", host)
        .env("MCPO_LEDGER", "memory")
        .env("MCPO_SECRET", ring)
        .env("MCPO_STATE_DIR", state)
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait::until("the server", || http::get(port, "/health").ok());
    child
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.backend.kill();
        let _ = self.backend.wait();
    }
}

/// Asserts that no user was sent to the new revision, and that the old one serves.
#[track_caller]
fn assert_rejected(service: &Service, result: &RunResult) {
    result.has(1, &["serves all requests as before"]);
    assert!(!result.all().contains("Shifted"), "{result}");
    assert!(!result.all().contains("--delete"), "{result}");
    assert_eq!(service.share(&service.revisions()[0]), 100);
}

#[test]
fn broken_sign_in_is_rejected_although_existing_tokens_work() {
    let service = Service::start(&[]);
    let result = service.run(&["--env", "MODE=no-sign-in", "--accept-changes"]);
    assert_rejected(&service, &result);
    result.has(1, &["fails a check: authorization"]);
    assert!(!service.project.path("mcpo.lock").exists(), "{result}");
    // The tag of the user must not lead to a revision that was not checked.
    let result = service.run(&["--env", "MODE=forgets", "--tag", "blue"]);
    assert_rejected(&service, &result);
    let traffic = service.google.resource(SERVICE)["traffic"].to_string();
    assert!(!traffic.contains("blue"), "{traffic}");

    let result = service.run(&["--env", "VERSION=4", "--tag", "blue", "--json"]);
    result.has(0, &["at 0, 10, 100 % of the requests", "token still work"]);
    let document: Value = serde_json::from_str(&result.stdout).unwrap();
    let checks = document["checked"].as_array().unwrap().iter();
    let percents: Vec<_> = checks.map(|check| check["percent"].clone()).collect();
    assert_eq!(percents, [0, 10, 100]);
    let newest = service.revisions().pop().unwrap();
    let latest = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
    let named = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";
    let expected = json!([
        { "type": latest, "percent": 100 },
        { "type": named, "revision": newest, "tag": "blue" },
    ]);
    assert_eq!(service.google.resource(SERVICE)["traffic"], expected);
    // The two rejected revisions are newer than the first, but never served users.
    let first = &service.revisions()[0];
    let result = service.run(&["--rollback"]);
    result.has(0, &[&format!("{newest} → {first}")]);
}

#[test]
fn private_revision_that_refuses_all_requests_is_rejected() {
    let service = Service::start(&["--private"]);
    let result = service.run(&["--private", "--safe", "--env", "MODE=forbids"]);
    assert_rejected(&service, &result);
    result.has(1, &["cannot be checked", "--private --fast"]);
}

#[test]
fn release_without_an_identity_stops_before_its_first_change() {
    let service = Service::start(&["--private"]);
    service.google.clear_calls();
    let backend = format!("BACKEND={}", service.port);
    let arguments = [
        "--private",
        "--safe",
        "--env",
        &backend,
        "--env",
        "VERSION=2",
    ];
    let mut command = service.project.command(&service.google, &arguments);
    let token = service.google.token(mcpo_test_support::google::DEPLOYER);
    command
        .args(["--project", "my-project"])
        .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
        .env("GOOGLE_OAUTH_ACCESS_TOKEN", token);
    let result = RunResult::of(&command.output().unwrap());
    result.has(
        2,
        &["cannot be checked before it serves", "--private --fast"],
    );
    assert_eq!(writes(&service.google), Vec::<String>::new());
}

#[test]
fn deployment_after_an_interrupted_release_takes_its_share_away() {
    let service = Service::start(&[]);
    let hidden = ["--env", "VERSION=2", "--no-traffic", "--no-verify"];
    service.run(&hidden).has(0, &[]);
    let names = service.revisions();
    service.interrupt(&names, 10);
    let interrupted = format!("(the release of {} has not ended)", names[1]);
    let broken = ["--env", "MODE=forgets"];
    let failed = service.run(&broken);
    let unchecked = format!("tokens of the revisions before {} may not be", names[1]);
    failed.has(
        1,
        &[&interrupted, &unchecked, "serves all requests as before"],
    );
    assert_eq!(service.share(&names[0]), 100);
    assert_eq!(service.share(&names[1]), 0);
    // The traffic of before stays known if the next revision does not start.
    service.interrupt(&names, 10);
    let fault = Fault::OperationFails(9, "Revision is not ready and cannot serve traffic.");
    service
        .google
        .fail("run.projects.locations.services.patch", fault, 1);
    let failed = service.run(&["--env", "VERSION=2.5"]);
    failed.has(1, &[&interrupted, "does not start"]);
    service.run(&["--env", "VERSION=3"]).has(0, &[&interrupted]);
    assert_eq!(service.share(&names[1]), 0);
}

#[test]
fn revision_without_requests_takes_the_place_of_an_interrupted_release() {
    let service = Service::start(&[]);
    for version in ["VERSION=2", "VERSION=3"] {
        let hidden = ["--env", version, "--no-traffic", "--no-verify"];
        service.run(&hidden).has(0, &[]);
    }
    let names = service.revisions();
    service.interrupt(&names, 10);
    service.google.clear_calls();
    let result = service.run(&["--env", "VERSION=3"]);
    let interrupted = format!("(the release of {} has not ended)", names[1]);
    result.has(
        0,
        &[
            &interrupted,
            &format!("Checked {} → {}", names[0], names[2]),
        ],
    );
    assert_eq!(service.revisions(), names);
    assert_eq!(service.share(&names[1]), 0);
}

#[test]
fn failed_check_after_a_kill_at_all_requests_restores_the_traffic() {
    let service = Service::start(&[]);
    let release = ["--env", "MODE=forgets"];
    let hidden = [&release[..], &["--no-traffic", "--no-verify"]].concat();
    service.run(&hidden).has(0, &[]);
    // The state between the last shift and its check.
    let names = service.revisions();
    service.interrupt(&names, 100);
    service.google.clear_calls();
    let result = service.run(&release);
    result.has(
        1,
        &[
            "tokens of the earlier revision may not be checked",
            "fails a check",
            "Restored",
            "serves all requests as before",
        ],
    );
    assert_eq!(service.share(&names[0]), 100);
    assert_eq!(service.share(&names[1]), 0);
}

#[test]
fn interruption_reports_the_share_of_the_new_revision() {
    let service = Service::start(&[]);
    let run = service.begin(&["--env", "VERSION=2"]);
    let first = service.revisions().remove(0);
    wait::until("10 %", || (service.share(&first) == 90).then_some(()));
    wait::signal("INT", run.id());
    let result = RunResult::of(&run.wait_with_output().unwrap());
    let undo = format!("mcpo deploy europe-west1 --rollback {first} --no-verify");
    result.has(
        130,
        &[
            "% of the requests; to continue: run the same command again",
            &undo,
        ],
    );
    let result = service.run(&["--env", "VERSION=2"]);
    result.has(0, &["Shifted all requests"]);
}
