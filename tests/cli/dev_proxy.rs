//! The mode for systems that cannot pass on a socket, tested on this system: each server opens its
//! own listener, and connections are forwarded to it. Users and clients see no difference.

use std::net::TcpStream;

use mcpo_test_support::{tiny::TinyProject, wait};

#[cfg(unix)]
use crate::dev_processes;
use crate::{dev, running::Dev};

fn led(project: &TinyProject) -> Dev {
    let dev = Dev::start(project, &[("MCPO_DEV_LEAD", "1")]);
    dev.wait_for(" Ready in ");
    dev
}

#[test]
fn the_server_listens_on_another_port_and_knows_the_public_port() {
    let project = TinyProject::new();
    let dev = led(&project);
    assert_eq!(dev.get("/variable/LISTEN_FDS"), "");
    assert_eq!(dev.get("/variable/NOTIFY_SOCKET"), "");
    assert_eq!(dev.get("/port"), dev.port.to_string());
    // Requests are reported in this mode too.
    dev.get("/stops");
    dev.wait_for("claude.ai stopped 8 s ago after registration (201)");
}

#[test]
fn no_request_fails_during_reloads() {
    let project = TinyProject::new();
    dev::survives_reloads(&project, &led(&project));
}

#[test]
fn the_old_server_finishes_a_call_in_progress() {
    let project = TinyProject::new();
    dev::finishes_calls_in_flight(&project, &led(&project));
}

#[test]
fn an_open_stream_continues_during_a_reload() {
    let project = TinyProject::new();
    dev::does_not_cut_streams(&project, &led(&project));
}

#[cfg(unix)]
#[test]
fn connections_without_a_server_get_503_until_the_next_one() {
    let project = TinyProject::new();
    let dev = led(&project);
    // After this reload, the lock file of the first build cannot cause another one.
    project.answer(r#""two""#);
    dev.wait_for_answer("/", "two");
    dev_processes::recovers_from_crashes(&project, &dev);
}

#[cfg(unix)]
#[test]
fn ctrl_c_finishes_calls_in_progress_and_leaves_no_process() {
    let project = TinyProject::new();
    dev_processes::finishes_calls_and_ends(led(&project));
}

#[test]
fn the_server_ends_when_mcpo_is_killed() {
    let project = TinyProject::new();
    let mut dev = led(&project);
    let server = dev.get("/address");
    assert!(TcpStream::connect(&server).is_ok());
    dev.kill();
    wait::until("the server's end", || {
        TcpStream::connect(&server).is_err().then_some(())
    });
}
