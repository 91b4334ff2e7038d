//! The machine sleeps and wakes up eight hours later.

use std::{fs, thread, time::Duration};

use mcpo_test_support::{
    http,
    system_sleep::{ResumeOrder, StoppedProcesses, WallClock, unwatched_link},
    tiny::TinyProject,
};

use crate::running::Dev;

fn start(project: &TinyProject, clock: &WallClock) -> Dev {
    let environment = clock.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Dev::start(project, &environment)
}

fn ready(project: &TinyProject, clock: &WallClock) -> Dev {
    let dev = start(project, clock);
    dev.wait_for(" Ready in ");
    dev
}

#[test]
fn an_edit_during_a_suspend_is_served() {
    for first in [ResumeOrder::Parents, ResumeOrder::Children] {
        let (project, clock) = (TinyProject::new(), WallClock::new());
        let dev = ready(&project, &clock);
        let server = dev.server_pid();
        let frozen = StoppedProcesses::all_of(dev.pid());
        assert!(frozen.count() >= 2, "the server is one of them");
        project.answer("\"edited in its sleep\"");
        clock.sleep_eight_hours();
        frozen.resume(first);
        dev.wait_for_answer("/", "edited in its sleep");
        dev.wait_for_server_after(server);
        // Everything else still works: the shortcut, other files, the environment.
        project.answer("\"edited after\"");
        dev.wait_for_answer("/", "edited after");
        project.write("note.txt", "from a file");
        project.answer("include_str!(\"../note.txt\")");
        dev.wait_for_answer("/", "from a file");
        project.write("note.txt", "from another");
        dev.wait_for_answer("/", "from another");
        project.write(".env", "MCPO_SECRET=x\nGREETING=morning\n");
        dev.wait_for_answer("/greeting", "morning");
    }
}

/// No event reports the wake-up, so missed changes must be found afterwards.
#[test]
fn changes_without_events_are_found_after_a_suspend() {
    let (project, clock) = (TinyProject::new(), WallClock::new());
    let elsewhere = tempfile::tempdir().unwrap();
    project.write(".env", "MCPO_SECRET=x\nGREETING=evening\n");
    let dev = ready(&project, &clock);
    project.answer("\"two\"");
    dev.wait_for_answer("/", "two");
    dev.wait_for("Reloaded src/main.rs");
    let reloads = dev.said().matches("Reloaded").count();
    let source = unwatched_link(&project.path("src/main.rs"), elsewhere.path());
    let frozen = StoppedProcesses::all_of(dev.pid());
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace("\"two\"", "\"from elsewhere\"")).unwrap();
    thread::sleep(Duration::from_millis(300));
    frozen.resume(ResumeOrder::Parents);
    thread::sleep(Duration::from_millis(3500));
    assert_eq!(
        dev.get("/"),
        "two",
        "without a sleep the change is not noticed"
    );

    let frozen = StoppedProcesses::all_of(dev.pid());
    clock.sleep_eight_hours();
    frozen.resume(ResumeOrder::Parents);
    dev.wait_for_answer("/", "from elsewhere");
    dev.wait_for_times("Reloaded", reloads + 1);
}

#[test]
fn a_call_in_progress_is_answered_after_a_suspend() {
    let (project, clock) = (TinyProject::new(), WallClock::new());
    let dev = ready(&project, &clock);
    let port = dev.port;
    for (first, path) in [
        (ResumeOrder::Parents, "/slow"),
        (ResumeOrder::Children, "/stream"),
    ] {
        let call = thread::spawn(move || http::get(port, path).unwrap());
        // The server has received the call once a later one is answered.
        dev.get("/");
        let frozen = StoppedProcesses::all_of(dev.pid());
        clock.sleep_eight_hours();
        thread::sleep(Duration::from_millis(500));
        frozen.resume(first);
        let answer = call.join().unwrap();
        let last = answer.trim_end().lines().next_back();
        let expected = if path == "/slow" {
            "one"
        } else {
            "data: 19 of one"
        };
        assert_eq!(last, Some(expected));
    }
}

#[test]
fn a_suspended_build_continues_and_later_edits_are_built() {
    let (project, clock) = (TinyProject::new(), WallClock::new());
    let script = "fn main() { std::thread::sleep(std::time::Duration::from_secs(3)); }";
    project.write("build.rs", script);
    let dev = start(&project, &clock);
    dev.wait_for("Compiling tiny");
    let frozen = StoppedProcesses::all_of(dev.pid());
    assert!(frozen.count() >= 2, "cargo is one of them");
    project.answer("\"edited in its sleep\"");
    clock.sleep_eight_hours();
    frozen.resume(ResumeOrder::Children);
    dev.wait_for_answer("/", "edited in its sleep");
}

/// As in a paused container: the monotonic clock continues while no process runs.
#[test]
fn a_suspended_start_gets_its_remaining_time() {
    let (project, clock) = (TinyProject::new(), WallClock::with_monotonic());
    let dev = ready(&project, &clock);
    let server = dev.server_pid();
    project.write(".env", "MCPO_SECRET=x\nREADY_AFTER=3\n");
    thread::sleep(Duration::from_secs(1));
    let frozen = StoppedProcesses::all_of(dev.pid());
    assert!(frozen.count() >= 3, "two servers and their parent");
    clock.sleep_eight_hours();
    frozen.resume(ResumeOrder::Parents);
    dev.wait_for("Reloaded .env in ");
    dev.wait_for_server_after(server);
    assert!(!dev.said().contains("was not ready"), "{}", dev.said());
}
