//! Crashes, ports, Ctrl-C, and processes that must not be left behind.

use std::{net::TcpListener, thread, time::Duration};

use insta::assert_snapshot;
use mcpo_test_support::{http, tiny::TinyProject, wait};

use crate::{running::Dev, tool};

fn wait_for_end(pid: u32) {
    wait::until("the server's end", || {
        (!wait::is_running(pid)).then_some(())
    });
}

#[test]
fn ctrl_c_leaves_no_process() {
    let project = TinyProject::new();
    let mut dev = Dev::ready(&project);
    let server = dev.server_pid();
    dev.signal("INT");
    let (status, _) = dev.wait();
    assert_eq!(status.code(), Some(130));
    assert!(!wait::is_running(server));
}

#[test]
fn ctrl_c_finishes_calls_in_progress() {
    let project = TinyProject::new();
    finishes_calls_and_ends(Dev::ready(&project));
}

/// Checks that Ctrl-C lets calls in flight finish and leaves no process.
pub fn finishes_calls_and_ends(mut dev: Dev) {
    let (port, server) = (dev.port, dev.server_pid());
    let slow = thread::spawn(move || http::get(port, "/slow").unwrap());
    dev.get("/");
    dev.signal("INT");
    let (status, _) = dev.wait();
    assert_eq!(status.code(), Some(130));
    assert_eq!(slow.join().unwrap(), "one");
    assert!(!wait::is_running(server));
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let project = TinyProject::new();
    let mut dev = Dev::ready(&project);
    let (port, server) = (dev.port, dev.server_pid());
    let slow = thread::spawn(move || http::get(port, "/slow"));
    dev.get("/");
    dev.signal("INT");
    thread::sleep(Duration::from_millis(100));
    dev.signal("INT");
    let (status, took) = dev.wait();
    assert_eq!(status.code(), Some(130));
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(slow.join().unwrap().is_err());
    assert!(!wait::is_running(server));
}

#[test]
fn ctrl_c_during_a_build_ends_the_build() {
    let project = TinyProject::new();
    let script = "fn main() { std::thread::sleep(std::time::Duration::from_secs(60)); }";
    project.write("build.rs", script);
    let mut dev = Dev::start(&project, &[]);
    dev.wait_for("Compiling tiny");
    dev.signal("INT");
    let (status, took) = dev.wait();
    assert_eq!(status.code(), Some(130));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn the_server_ends_when_mcpo_is_killed() {
    let project = TinyProject::new();
    let mut dev = Dev::ready(&project);
    let server = dev.server_pid();
    dev.signal("KILL");
    dev.wait();
    wait_for_end(server);
}

#[test]
fn files_of_a_killed_run_are_removed_by_the_next_run() {
    let project = TinyProject::new();
    let mut dev = Dev::ready(&project);
    let begin = format!("mcpo-dev-{}-", dev.pid());
    let left = || {
        let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        entries
            .filter(|entry| entry.file_name().to_str().unwrap().starts_with(&begin))
            .count()
    };
    dev.signal("KILL");
    dev.wait();
    assert_eq!(left(), 1);
    drop(Dev::ready(&project));
    assert_eq!(left(), 0);
}

#[test]
fn a_server_that_crashes_is_restarted_once_and_then_clients_get_503() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    let server = dev.server_pid();
    recovers_from_crashes(&project, &dev);
    assert_ne!(dev.server_pid(), server);
}

/// The second crash follows soon after the first one.
pub fn recovers_from_crashes(project: &TinyProject, dev: &Dev) {
    let before = dev.get("/");
    assert!(http::get(dev.port, "/crash").is_err());
    dev.wait_for("the server stopped (signal: 6 (SIGABRT)");
    dev.wait_for("it is restarted once\n");
    dev.wait_for("Restarted in ");
    dev.wait_for_answer("/", &before);
    assert!(http::get(dev.port, "/crash").is_err());
    dev.wait_for("it is restarted after the next change, or if you press r");
    wait::until("503", || {
        let refused = http::get(dev.port, "/").err()?.to_string();
        let is_right = refused.contains("HTTP/1.1 503") && refused.contains("if you press r");
        is_right.then_some(())
    });
    project.answer(r#""risen""#);
    dev.wait_for_answer("/", "risen");
}

#[test]
fn a_server_that_exits_early_does_not_take_over() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    let server = dev.server_pid();
    project.write(".env", "MCPO_SECRET=x\nREFUSE=1\n");
    dev.wait_for(
        "the new server stopped before it was ready (exit status: 2); the old server keeps running",
    );
    assert!(dev.said().contains("refusing to start, as asked\n"));
    assert_eq!(dev.server_pid(), server);
}

#[test]
fn a_server_that_is_never_ready_does_not_take_over() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    let server = dev.server_pid();
    project.write(".env", "MCPO_SECRET=x\nSILENT=1\n");
    dev.wait_for("the new server was not ready after 30 s; the old server keeps running");
    wait::until("the old server alone", || {
        (0..20).all(|_| dev.server_pid() == server).then_some(())
    });
}

#[test]
fn a_port_in_use_is_reported_with_its_owner() {
    let project = TinyProject::new();
    // The suggested port is usually the next one, but any free port is correct.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let said = tool::said(project.folder(), &["dev", "--port", &port.to_string()]);
    let (what, way_out) = said.split_once("help: ").unwrap();
    let what = what.replace(&port.to_string(), "[PORT]");
    let what = what.replace(&std::process::id().to_string(), "[US]");
    // The name is that of one of the test's threads, truncated by the kernel.
    let (what, holder) = what.split_once(" by ").unwrap();
    assert_snapshot!(what, @r"
    exit code 2
    --- stderr
    error: port [PORT] is taken
    ");
    assert!(holder.trim_end().ends_with(" (process [US])"), "{holder}");
    assert!(way_out.starts_with("mcpo dev --port "), "{way_out}");
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let project = TinyProject::new();
    let said = tool::said(
        project.folder(),
        &["dev", "--host", "192.0.2.1", "--port", "0"],
    );
    assert!(
        said.contains("help: --host takes an address of this machine"),
        "{said}"
    );
}
