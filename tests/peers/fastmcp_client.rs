//! The Python program in docs/clients.md, with the package `fastmcp`.

use mcpo_test_support::process::{ServerProcess, free_port};
use tokio::process::Command;

use super::{FOLDER, SERVER, node_program, python_program};

const ADDRESS: &str = "http://localhost:8080/mcp";

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
    let output = Command::new(python_program())
        .args(["-c", &code])
        .env("BROWSER", browser)
        .env("HOME", folder.path())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("whoami"), "{stdout}");
    assert!(stdout.contains("local-user"), "{stdout}");
}
