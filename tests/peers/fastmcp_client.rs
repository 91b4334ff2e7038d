//! The Python program in docs/clients.md, with the package `fastmcp`.

use std::{fs::File, process::Stdio, time::Duration};

use mcpo_test_support::process::{ServerProcess, free_port};
use tokio::{process::Command, time::timeout};

use super::{FOLDER, SERVER, node_program, python_program};

const ADDRESS: &str = "http://localhost:8080/mcp";
/// The client itself would wait for five minutes.
const TIMEOUT: Duration = Duration::from_secs(120);

fn documented_program() -> String {
    let page = std::fs::read_to_string(format!("{FOLDER}/../../docs/clients.md")).unwrap();
    let (_, rest) = page.split_once("```python\n").expect("a Python block");
    let (code, _) = rest.split_once("```").unwrap();
    assert!(code.contains(ADDRESS), "{code}");
    code.to_owned()
}

#[tokio::test]
async fn documented_python_program_signs_in_and_calls_a_tool() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(SERVER, free_port(), folder.path(), &[]).await;
    let code = documented_program().replace(ADDRESS, &format!("{}/mcp", server.base()));
    let browser = format!("{} {FOLDER}/open.mjs %s &", node_program());
    // Files, because the browser inherits both and may run longer than the program.
    let (out, log) = (folder.path().join("out"), folder.path().join("log"));
    let mut program = Command::new(python_program())
        .args(["-c", &code])
        .env("BROWSER", browser)
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&log).unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ended = timeout(TIMEOUT, program.wait()).await;
    let stdout = std::fs::read_to_string(out).unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        ended.is_ok_and(|status| status.unwrap().success()),
        "{stdout}\n{log}"
    );
    assert!(stdout.contains("whoami"), "{stdout}");
    assert!(stdout.contains("local-user"), "{stdout}");
}
