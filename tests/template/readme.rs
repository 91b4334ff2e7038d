//! Runs the README's first commands: from nothing to a tool call, a change, and a clean stop.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use mcpo_test_support::{process::free_port, vendored::keep_built_command, wait};

const README: &str = include_str!("../../README.md");
/// A first build on two cores that are busy with other work.
const FIRST_BUILD: Duration = Duration::from_secs(15 * 60);

/// Returns the commands in the README's shell code blocks, in order.
fn commands() -> Vec<&'static str> {
    let mut blocks = README.split("```sh\n").skip(1);
    let mut block = || blocks.next().unwrap().split("```").next().unwrap().trim();
    let [first, second] = [block(), block()];
    first.lines().chain(second.lines()).collect()
}

/// Builds a shell that finds `mcpo` on its path and uses the given free port.
fn shell(folder: &Path, command: &str, port: u16) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_mcpo")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("template/target");
    let keep_built = keep_built_command(env!("CARGO_BIN_EXE_mcpo"));
    let command = command
        .replace(
            "mcpo dev",
            &format!("{keep_built} && exec mcpo dev --port {port}"),
        )
        .replace("localhost:8080", &format!("localhost:{port}"));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", binary.display()))
        .env("CARGO_TARGET_DIR", target)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    for name in ["ADMIN_PASSWORD", "BASE_URL", "MCPO_SECRET", "PORT"] {
        shell.env_remove(name);
    }
    shell
}

struct Dev {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Dev {
    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    fn wait_for(&mut self, text: &str, within: Duration) {
        let began = Instant::now();
        while !self.said().contains(text) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{ended:?} before {text:?}:\n{}",
                self.said()
            );
            assert!(began.elapsed() < within, "no {text:?} in\n{}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

fn read_along(from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let said = Arc::<Mutex<String>>::default();
    let into = Arc::clone(&said);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            into.lock().unwrap().push_str(&(line + "\n"));
        }
    });
    said
}

#[test]
fn c1_c2_c5_c9_the_commands_of_the_readme_create_a_server_and_call_a_tool() {
    let commands = commands();
    let [install, run, probe] = commands[..] else {
        panic!("three commands, not {commands:?}");
    };
    // Installing builds this package in release mode; the build of the tests is equivalent.
    assert_eq!(install, "cargo install --locked --path crates/mcpo");
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut child = shell(folder.path(), run, port)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = read_along(child.stderr.take().unwrap());
    let mut dev = Dev { child, said };
    dev.wait_for(" Ready in ", FIRST_BUILD);

    let probed = shell(folder.path(), probe, port).output().unwrap();
    let seen = text(&probed);
    assert!(probed.status.success(), "{seen}");
    assert!(seen.contains("connects and can call tools"), "{seen}");
    assert!(!seen.contains("warn") && !seen.contains("FAIL"), "{seen}");

    // A change appears at the same address.
    let main = folder.path().join("my-service/src/main.rs");
    let source = fs::read_to_string(&main).unwrap();
    fs::write(&main, source.replace("fn whoami", "fn who_is_it")).unwrap();
    let probe_with_names = format!("{probe} -v");
    wait::until("the changed tool", || {
        let probed = shell(folder.path(), &probe_with_names, port)
            .output()
            .unwrap();
        text(&probed)
            .contains("2 tools: greet, who_is_it")
            .then_some(())
    });

    // A build error leaves the running server unchanged.
    fs::write(&main, "not Rust").unwrap();
    dev.wait_for("error: expected one of", Duration::from_secs(60));
    let probed = shell(folder.path(), probe, port).output().unwrap();
    assert!(probed.status.success(), "{}", text(&probed));

    wait::signal("INT", dev.child.id());
    let status = wait::until("the end of mcpo dev", || dev.child.try_wait().unwrap());
    assert_eq!(status.code(), Some(130), "{}", dev.said());
    let connection = std::net::TcpStream::connect(("127.0.0.1", port));
    assert!(connection.is_err(), "a server is still running");
}
