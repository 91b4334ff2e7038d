//! Custom domains: the mapping, its certificate, and clients of the earlier address.

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
};

use mcpo_test_support::{
    client::{TestClient, query_of},
    google::{Fault, Google, NUMBER},
    http,
    process::{SECRET, free_port},
    wait,
};
use serde_json::{Value, json};

use crate::{
    interruptions::wait_for_call,
    project::{Project, REGION, RunResult, fetch, google, writes},
};

const DOMAIN: &str = "mcp.example.com";
const WITH_DOMAIN: [&str; 2] = ["--domain", DOMAIN];
const CREATE: &str = "run.projects.locations.domainmappings.create";
const GET: &str = "run.projects.locations.domainmappings.get";
const PASSWORD: &str = "a-long-password-for-tests";

/// Returns the full name of the domain mapping.
fn mapping() -> String {
    format!("projects/my-project/locations/{REGION}/domainmappings/{DOMAIN}")
}

fn run_app() -> String {
    format!("tiny-{NUMBER}.{REGION}.run.app")
}

/// Adds the records of the domain to DNS.
fn add_records(google: &Google) {
    google.set_dns(DOMAIN, "CNAME", &["ghs.googlehosted.com."]);
}

#[test]
fn domain_is_mapped_in_the_release_and_shown_when_it_answers() {
    let (google, project) = (google(), Project::new());
    google.set_dns(DOMAIN, "A", &["203.0.113.7"]);
    google.set_dns("example.com", "CAA", &["0 issue \"letsencrypt.org\""]);
    let result = project.deploy(&google, &WITH_DOMAIN);
    result.has(
        0,
        &[
            "has no certificate yet (Waiting for certificate provisioning.",
            "mcp.example.com. CNAME ghs.googlehosted.com.",
            "and remove these: A 203.0.113.7",
            "example.com. CAA 0 issue \"pki.goog\"",
        ],
    );
    // Clients get the address that answers.
    let address = format!("https://{}/mcp", run_app());
    assert_eq!(result.stdout.trim(), address);
    assert_eq!(
        fetch(&google, "/variable/BASE_URL"),
        format!("https://{DOMAIN}")
    );
    assert!(fetch(&google, "/variable/MCPO_HOSTS").starts_with(&run_app()));
    google.clear_calls();
    project.run(&google, &["--status", "--domain", DOMAIN]).has(
        0,
        &[
            &address,
            "has no certificate yet",
            "CNAME ghs.googlehosted.com.",
        ],
    );

    // The same command waits for the certificate, and writes nothing.
    add_records(&google);
    let result = project.deploy(&google, &[&WITH_DOMAIN[..], &["--json"]].concat());
    assert_eq!(writes(&google), Vec::<String>::new());
    let report: Value = serde_json::from_str(&result.stdout).unwrap();
    assert_eq!(report["url"], format!("https://{DOMAIN}/mcp"));
    assert_eq!(report["outcome"], "unchanged");
    assert_eq!(report["domain"]["certificate"], true);
    assert_eq!(report["domain"]["remaining"], json!([]));
    let status = project.run(&google, &["--status", "--domain", DOMAIN]);
    status.has(0, &["https://mcp.example.com/mcp", "leads to this service"]);

    // Without the setting, the clients of the domain would lose their address.
    let before = google.complete_state();
    project.run(&google, &[]).has(
        2,
        &[
            "clients that use https://mcp.example.com/mcp lose their connection",
            "former-domains = [\"mcp.example.com\"]",
            "--accept-reconnect",
        ],
    );
    assert_eq!(google.complete_state(), before);
    let left_over = "domain mapping mcp.example.com is left over";
    project
        .deploy(&google, &["--accept-reconnect"])
        .has(0, &["lose their connection", left_over]);
    assert_eq!(
        fetch(&google, "/variable/BASE_URL"),
        format!("https://{}", run_app())
    );
    project.run(&google, &["--status"]).has(0, &[left_over]);

    // A mapping of another tool stays.
    let foreign = format!("projects/my-project/locations/{REGION}/domainmappings/a.example.com");
    let spec = json!({ "metadata": { "name": "a.example.com", "namespace": "my-project" }, "spec": { "routeName": "tiny" } });
    google.put(&foreign, spec);
    project.run(&google, &["--delete", "--yes"]).has(
        0,
        &[
            "Deleted domain mapping mcp.example.com",
            "not deleting domain mapping a.example.com",
        ],
    );
    assert!(google.resource(&mapping()).is_null());
    assert!(!google.resource(&foreign).is_null());
}

#[test]
fn domain_that_google_would_refuse_stops_before_the_first_change() {
    let (google, project) = (google(), Project::new());
    let assert_refused = |arguments: &[&str], texts: &[&str]| {
        let before = google.complete_state();
        google.clear_calls();
        project.run(&google, arguments).has(2, texts);
        assert_eq!(writes(&google), Vec::<String>::new());
        assert_eq!(google.complete_state(), before);
    };
    let verification = "https://search.google.com/search-console/welcome";
    assert_refused(
        &["--domain", "mcp.example.net"],
        &["is not a verified owner of mcp.example.net", verification],
    );
    let others = json!({ "metadata": { "name": DOMAIN, "namespace": "my-project" }, "spec": { "routeName": "shop" } });
    google.put(&mapping(), others);
    assert_refused(&WITH_DOMAIN, &["mapped to another service, shop"]);
}

#[test]
fn mapping_survives_kills_lost_responses_and_refusals() {
    let (google, project) = (google(), Project::new());
    project.deploy(&google, &[]);
    google.fail(CREATE, Fault::Hangs(30), 1);
    let mut run = project.start(&google, &[&WITH_DOMAIN[..], &["--no-verify"]].concat());
    wait_for_call(&google, CREATE);
    run.kill().unwrap();
    run.wait().unwrap();
    google.clear_faults();
    google.clear_calls();
    // The service is written already, so only the mapping is created, although its response is lost.
    google.fail(CREATE, Fault::LostResponse, 1);
    project
        .deploy(&google, &WITH_DOMAIN)
        .has(0, &["Mapped mcp.example.com to tiny"]);
    assert_eq!(writes(&google), [CREATE, CREATE]);

    // Ctrl-C while Google sets up the mapping.
    google.remove(&mapping());
    google.clear_calls();
    google.fail(GET, Fault::Hangs(30), 1);
    let run = project.start(&google, &[&WITH_DOMAIN[..], &["--no-verify"]].concat());
    wait_for_call(&google, GET);
    wait::signal("INT", run.id());
    let result = RunResult::of(&run.wait_with_output().unwrap());
    result.has(
        130,
        &[
            "This run created:",
            "domain mapping mcp.example.com",
            "Run the same command again",
        ],
    );
    google.clear_faults();
    google.clear_calls();
    project.deploy(&google, &WITH_DOMAIN);
    assert_eq!(writes(&google), Vec::<String>::new());

    // A mapping that Google refused stays refused, so it is created again when its owner is verified.
    google.edit(&mapping(), |mapping| {
        mapping["status"] = json!({ "conditions": [
            { "type": "Ready", "status": "False", "reason": "PermissionDenied", "message": "Caller is not authorized" },
        ] });
    });
    google.set_owns_no_domain(true);
    project
        .run(&google, &WITH_DOMAIN)
        .has(2, &["is not a verified owner"]);
    google.set_owns_no_domain(false);
    project
        .deploy(&google, &WITH_DOMAIN)
        .has(0, &["created again because Google refused it"]);
    let records = google.resource(&mapping())["status"]["resourceRecords"].clone();
    assert_eq!(records[0]["rrdata"], "ghs.googlehosted.com.");
}

#[test]
fn load_balancer_is_described_where_a_mapping_cannot_lead_to_the_service() {
    let ingress = "[package.metadata.mcpo]\ningress = \"internal-and-load-balancer\"\n";
    let (google, project) = (google(), Project::with(ingress));
    let result = project.deploy(&google, &WITH_DOMAIN);
    let texts = [
        "a domain mapping cannot reach a service with this ingress",
        "networkEndpointType SERVERLESS, cloudRun.service tiny",
        "managed.domains [mcp.example.com]",
        "mcp.example.com. A ADDRESS",
    ];
    result.has(0, &texts);
    let calls = google.calls();
    assert!(
        !calls.iter().any(|(id, _)| id.contains("domain")),
        "{calls:?}"
    );
}

/// Starts the real server. It runs in a separate process, because its configuration is the
/// environment.
fn start_server(port: u16, ledger: &Path, base: &str, hosts: &str) -> Child {
    let server = Command::new(env::current_exe().unwrap())
        .args(["--exact", "checked_release::backend", "--nocapture"])
        .env(crate::checked_release::IS_BACKEND, "1")
        .env("ADMIN_PASSWORD", PASSWORD)
        .env("BASE_URL", format!("https://{base}"))
        .env("K_SERVICE", "tiny")
        .env("MCPO_HOSTS", hosts)
        .env("MCPO_LEDGER", format!("sqlite:{}", ledger.display()))
        .env("MCPO_SECRET", SECRET)
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait::until("the server", || http::get(port, "/health").ok());
    server
}

/// Ends a server when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn client_of_the_earlier_address_keeps_its_sign_in_when_a_domain_is_added() {
    let (google, project) = (
        google(),
        Project::with("[package.metadata.mcpo]\nsecrets = [\"ADMIN_PASSWORD\"]\n"),
    );
    let layer = include_str!("../support/fixtures/breakable/src/breakable.rs");
    project.write("src/breakable.rs", layer);
    let main = "mod breakable;\nfn main() -> std::process::ExitCode {\n    breakable::relay()\n}\n";
    project.write("src/main.rs", main);
    project.write(".env", &format!("ADMIN_PASSWORD={PASSWORD}\n"));
    let state = tempfile::tempdir().unwrap();
    let (ledger, port, host) = (state.path().join("ledger.sqlite3"), free_port(), run_app());
    let backend = format!("BACKEND={port}");
    let mut server = Running(start_server(port, &ledger, &host, &host));
    project.deploy(&google, &["--env", &backend]);

    let sign_in = async |base: &str| {
        let client = TestClient::register_through(google.browser(), base).await;
        let url = client
            .sign_in_and_allow(&client.request(), Some(PASSWORD))
            .await;
        let code = query_of(&url, "code").unwrap();
        let (status, tokens) = client.token(&client.exchange(&code)).await;
        assert_eq!(status, 200, "{tokens}");
        (client, tokens)
    };
    let assert_works = async |client: &TestClient, tokens: &Value| {
        let access = tokens["access_token"].as_str().unwrap();
        let call = client
            .call(access, "whoami", &json!({}))
            .send()
            .await
            .unwrap();
        assert_eq!(call.status(), 200, "{}", client.base);
        let (status, body) = client
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await;
        assert_eq!(status, 200, "{body}");
        body
    };
    let (old, tokens) = sign_in(&format!("https://{host}")).await;

    // The new revision of the server has the domain as its main name.
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    server.0 = start_server(port, &ledger, DOMAIN, &host);
    add_records(&google);
    project
        .run(&google, &[&WITH_DOMAIN[..], &["--env", &backend]].concat())
        .has(
            0,
            &[
                "Mapped mcp.example.com to tiny",
                "at https://mcp.example.com: ",
                "an existing client id and refresh token still work",
            ],
        );

    let tokens = assert_works(&old, &tokens).await;
    assert_works(&old, &tokens).await;
    let (new, tokens) = sign_in(&format!("https://{DOMAIN}")).await;
    assert_works(&new, &tokens).await;
    // Each client sees only the name that it uses.
    for client in [&old, &new] {
        let url = format!("{}/.well-known/oauth-authorization-server", client.base);
        let metadata: Value = client
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(metadata["issuer"], client.base);
    }
}
