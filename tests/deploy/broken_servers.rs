//! Releases of broken servers while a user calls a tool all the time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Child,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use mcpo_test_support::{
    client::{TestClient, answer, query_of},
    google::{Google, NUMBER},
    wait,
};
use serde_json::json;

use crate::{
    project::{REGION, command, writes},
    template_project::{deploy, password, probe_host, project},
};

/// Creates the same project with a layer that breaks the server in the way `MODE` selects.
fn breakable_project() -> PathBuf {
    let project = project();
    let layer = include_str!("../support/fixtures/breakable/src/breakable.rs");
    fs::write(project.join("src/breakable.rs"), layer).unwrap();
    let main = project.join("src/main.rs");
    let source = fs::read_to_string(&main).unwrap();
    let source = source.replacen("mod card;", "mod breakable;\nmod card;", 1);
    let serve = "    mcpo_runtime::serve(Server::default())";
    assert!(source.contains(serve), "the template has changed");
    let layered = format!(
        "    if let Some(code) = breakable::serve() {{\n        return code;\n    }}\n{serve}"
    );
    fs::write(&main, source.replacen(serve, &layered, 1)).unwrap();
    project
}

/// A user who signed in at the public address of a service, and calls a tool there all the time.
struct User {
    client: TestClient,
    token: String,
    calls: AtomicU32,
    is_stopped: AtomicBool,
}

impl User {
    /// Connects a client: registers it, signs in with the password, and consents.
    async fn sign_in(google: &Google, host: &str, password: &str) -> Self {
        let base = format!("https://{host}");
        let client = TestClient::register_through(google.browser(), &base).await;
        let url = client
            .sign_in_and_allow(&client.request(), Some(password))
            .await;
        let code = query_of(&url, "code").unwrap();
        let (status, tokens) = client.token(&client.exchange(&code)).await;
        assert_eq!(status, 200, "{tokens}");
        Self {
            token: tokens["access_token"].as_str().unwrap().to_owned(),
            client,
            calls: AtomicU32::new(0),
            is_stopped: AtomicBool::new(false),
        }
    }

    /// Calls the tool until it is stopped. Each call must succeed.
    async fn call(&self) {
        let arguments = json!({ "name": "Ada" });
        while !self.is_stopped.load(Ordering::Relaxed) {
            let (status, body) = answer(self.client.call(&self.token, "greet", &arguments)).await;
            assert_eq!(status, 200, "{body}");
            assert!(body.to_string().contains("Hello, Ada!"), "{body}");
            self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Ends the calls of the user when it is dropped, also if the test fails.
struct Stop<'a>(&'a User);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }
}

/// Broken servers that must fail the verification.
const BROKEN: [&str; 10] = [
    "forbids",
    "forgets",
    "no-tools",
    "issuer",
    "token-fails",
    "no-metadata",
    "crashes",
    "slow",
    "resource",
    "open",
];

#[test]
fn broken_servers_get_no_request_of_a_user() {
    let project = breakable_project();
    let google = Google::start();
    let result = deploy(&project, &google, &[]);
    result.has(0, &["Verified my-service-00001-"]);
    let password = password(&result);
    let host = format!("my-service-{NUMBER}.{REGION}.run.app");
    let first = result.stderr.split_once("Released ").unwrap().1;
    let first = first.split_whitespace().next().unwrap();

    // Without traffic: the revision has another address, and works under that name.
    let variable = ["--env", "VERSION=2"];
    let next = [&variable[..], &["--no-traffic", "--tag", "next"]].concat();
    let tagged = format!("next---{host}");
    let result = deploy(&project, &google, &next);
    let verified = format!(" at https://{tagged}: ");
    result.has(
        0,
        &[
            "Verified my-service-00002-",
            &verified,
            "refresh token still work",
        ],
    );
    assert_eq!(result.stdout.trim(), format!("https://{tagged}/mcp"));
    let hash = "my-service-abcdefghij-ew.a.run.app";
    for name in [&tagged, &format!("next---{hash}")] {
        probe_host(&google, &project, &password, "greet", name).has(0, &["Hello, Ada!"]);
    }
    let result = deploy(&project, &google, &["--promote"]);
    result.has(
        0,
        &[&verified, "Promoted", &format!(" at https://{host}: ")],
    );
    probe_host(&google, &project, &password, "greet", hash).has(0, &["Hello, Ada!"]);
    let result = deploy(&project, &google, &["--rollback"]);
    result.has(
        0,
        &[
            "Rolled back",
            &format!("Verified {first} at https://{host}: "),
        ],
    );

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let user = runtime.block_on(User::sign_in(&google, &host, &password));
    std::thread::scope(|scope| {
        let _stop = Stop(&user);
        scope.spawn(|| runtime.block_on(user.call()));
        for mode in BROKEN {
            let calls_before = user.calls();
            let variable = format!("MODE={mode}");
            let result = deploy(&project, &google, &["--env", &variable]);
            result.has(
                1,
                &["checked release", first, "serves all requests as before"],
            );
            let reasons = ["fails a check", "does not answer as expected"];
            let has_reason = reasons.iter().any(|reason| result.all().contains(reason));
            assert!(has_reason, "{mode}: {result}");
            assert!(!result.all().contains("Shifted"), "{mode}: {result}");
            assert_eq!(result.stdout, "", "{mode}: no address to paste");
            assert!(user.calls() > calls_before, "{mode}: the user stopped");
        }
    });
    // The verification of the first revisions is also counted, so only the broken ones must be
    // absent.
    let served = google.served();
    let broken: Vec<_> = served
        .keys()
        .filter(|name| **name != *first && !name.starts_with("my-service-00002-"))
        .collect();
    assert!(broken.is_empty(), "{broken:?} of {served:?}");
    // The last state says what was seen, and the same command changes nothing.
    google.clear_calls();
    let result = deploy(&project, &google, &["--env", "MODE=open"]);
    result.has(1, &["fails a check", "serves all requests as before"]);
    let mut writes = writes(&google);
    // The servers themselves write their ledger.
    writes.retain(|id| !id.starts_with("storage.objects."));
    assert_eq!(writes, Vec::<String>::new());

    // A fault that appears only with users' requests: the traffic is put back.
    let result = deploy(&project, &google, &["--env", "MODE=public"]);
    let texts = [
        "Shifted 10 %",
        "Shifted all requests",
        "Restored",
        "as before",
    ];
    result.has(1, &texts);
    assert_eq!(targets(&google), format!("100 % {first}, next, mcpo"));

    let result = deploy(&project, &google, &["--canary", "5"]);
    let address = format!(" at https://canary---{host}: ");
    result.has(
        0,
        &[
            "Verified my-service-",
            &address,
            "--promote",
            &format!("--rollback {first}"),
        ],
    );
    assert_steps_of_a_checked_release(&project, &google);
}

/// Releases working revisions, without and with a kill after each write.
fn assert_steps_of_a_checked_release(project: &Path, google: &Google) {
    let arguments = ["--env", "VERSION=3", "--steps", "5,50"];
    let result = deploy(project, google, &arguments);
    result.has(
        0,
        &[
            "Shifted 5 % of the requests",
            "Shifted 50 % of the requests",
            "Shifted all requests",
            "at 0, 5, 50, 100 % of the requests",
            "token still work",
        ],
    );
    assert_eq!(targets(google), "100 % latest, next, canary");

    // A kill at any step is continued by the same command, without an additional write.
    for (version, writes_before_kill) in [(4, 1), (5, 2), (6, 3)] {
        let before = generation(google);
        let variable = format!("VERSION={version}");
        let mut run = start(project, google, &["--env", &variable]);
        wait::until("a write", || {
            (generation(google) >= before + writes_before_kill).then_some(())
        });
        run.kill().unwrap();
        run.wait().unwrap();
        let result = deploy(project, google, &["--env", &variable]);
        let text = format!("killed after write {writes_before_kill}: {result}");
        assert_eq!(result.code, Some(0), "{text}");
        assert_eq!(generation(google), before + 4, "{text}");
        assert_eq!(targets(google), "100 % latest, next, canary", "{text}");
    }
}

/// Starts a deployment without waiting for it.
fn start(project: &Path, google: &Google, arguments: &[&str]) -> Child {
    let mut command = command(project, google, arguments);
    command.env("CARGO_TARGET_DIR", project.with_file_name("target"));
    command.spawn().unwrap()
}

/// The full name of the service.
const SERVICE: &str = "projects/my-project/locations/europe-west1/services/my-service";

/// Returns the number of writes to the service.
fn generation(google: &Google) -> u64 {
    let generation = google.resource(SERVICE)["generation"].clone();
    generation.as_str().unwrap().parse().unwrap()
}

/// Returns the shares and the tags of the service.
fn targets(google: &Google) -> String {
    let service = google.resource(SERVICE);
    let targets = service["traffic"].as_array().unwrap().iter();
    let texts: Vec<_> = targets
        .map(|target| match (&target["percent"], &target["tag"]) {
            (_, tag) if tag.is_string() => tag.as_str().unwrap().to_owned(),
            (percent, _) => {
                format!(
                    "{percent} % {}",
                    target["revision"].as_str().unwrap_or("latest")
                )
            }
        })
        .collect();
    texts.join(", ")
}
