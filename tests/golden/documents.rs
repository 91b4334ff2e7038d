//! The reports for other programs, read by those programs.

use std::{path::Path, process::Stdio};

use mcpo_test_support::oauth_server::{Fault, OAuthServer, StoreFault};
use serde_json::Value;
use tokio::process::Command;

use crate::{PEERS, PYTHON, support::probe};

/// Recommendations of the multitool that do not apply: there is one text per result (2002), the
/// results are not about a revision (2003), the schema is on another host (2006), the ids of checks
/// are words (2009), and there is no source code to quote (2010, 2011).
const NOT_APPLICABLE: [&str; 6] = [
    "SARIF2002",
    "SARIF2003",
    "SARIF2006",
    "SARIF2009",
    "SARIF2010",
    "SARIF2011",
];

const JUNIT: &str = r#"
import sys
from junitparser import JUnitXml
report = JUnitXml.fromfile(sys.argv[1])
written = (report.tests, report.failures, report.errors, report.skipped)
report.update_statistics()
assert written == (report.tests, report.failures, report.errors, report.skipped), written
for suite in report:
    for case in suite:
        for result in case.result:
            print(type(result).__name__, suite.name, case.name, result.message, sep="|")
"#;

/// Returns reports with failures, warnings, checks that could not run, and broken rules of stores.
async fn reports(flag: &str) -> Vec<String> {
    let mut reports = Vec::new();
    for fault in [Fault::ToolError, Fault::NoChallenge, Fault::HostileStrings] {
        let server = OAuthServer::with(fault).await;
        reports.push(probe(&[&server.url(), flag]).await.stdout);
    }
    let server = OAuthServer::with_store_fault(StoreFault::NoHints).await;
    let stores = ["--for", "claude-directory,chatgpt"];
    reports.push(
        probe(&[&[&*server.url(), flag], &stores[..]].concat())
            .await
            .stdout,
    );
    reports.push(probe(&["http://127.0.0.1:1/", flag]).await.stdout);
    reports
}

/// The rules of GitHub Advanced Security and of SARIF, as Microsoft's multitool checks them.
#[tokio::test]
async fn sarif_is_accepted_by_github() {
    let folder = tempfile::tempdir().unwrap();
    let reports = reports("--sarif").await;
    let mut arguments = vec!["validate".to_owned()];
    for (index, report) in reports.iter().enumerate() {
        let path = folder.path().join(format!("{index}.sarif"));
        std::fs::write(&path, report).unwrap();
        arguments.push(path.display().to_string());
    }
    let output = folder.path().join("judged.json");
    let program = format!("{PEERS}/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
    assert!(
        Path::new(&program).exists(),
        "could not run: the peers are not installed; run scripts/check"
    );
    make_executable(&program);
    let run = Command::new(&program)
        .args(&arguments)
        .args(["--rule-kind", "Sarif;Ghas", "--kind", "Fail"])
        .args(["--level", "Error;Warning;Note", "--output"])
        .arg(&output)
        // Otherwise the program requires the library ICU.
        .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("5 files scanned"), "{said}");
    let judged: Value = serde_json::from_slice(&std::fs::read(&output).unwrap()).unwrap();
    let results = judged["runs"][0]["results"].as_array().expect("results");
    let wrong = results.iter().filter(|result| {
        let id = result["ruleId"].as_str().unwrap_or_default();
        !NOT_APPLICABLE.contains(&id)
    });
    let wrong: Vec<String> = wrong.map(Value::to_string).collect();
    assert!(wrong.is_empty(), "{}\n{said}", wrong.join("\n"));
    assert!(
        !results.is_empty(),
        "the multitool has recommendations about every file"
    );
}

/// npm does not run the package's install script, which does this.
fn make_executable(program: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn junit_is_read_by_a_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.xml");
    let mut all = String::new();
    for report in reports("--junit").await {
        std::fs::write(&path, report).unwrap();
        let run = Command::new(PYTHON)
            .args(["-c", JUNIT])
            .arg(&path)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{stderr}");
        all.push_str(&String::from_utf8_lossy(&run.stdout));
    }
    for line in [
        "Failure|using the server|tools/call|whoami: no API key is set",
        "Failure|claude-directory|every tool has a title|every tool has a title",
        "Skipped|signing in|registration|the probe ended before it",
    ] {
        assert!(all.lines().any(|other| other == line), "{line} in\n{all}");
    }
    assert!(
        all.contains("Error|finding the sign-in|challenge|"),
        "{all}"
    );
}
