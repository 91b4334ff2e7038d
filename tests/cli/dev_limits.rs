//! Limits of the system for file events. Each test runs `mcpo dev` in a new user namespace with
//! lower limits, so that no other program is affected (`user_namespaces(7)`).

use std::{fs, process::Command};

use mcpo_test_support::tiny::TinyProject;

use crate::{running::Dev, tool};

/// Returns a command that sets a limit in a new user namespace and then becomes `mcpo dev`. Returns
/// `None` if this machine does not allow that.
fn with_limit(project: &TinyProject, name: &str, limit: u32) -> Option<Command> {
    let script = format!("echo {limit} > /proc/sys/user/{name} && exec \"$@\"");
    let namespace = |program: &[&str]| {
        let mut command = Command::new("unshare");
        tool::clean(&mut command, project.folder());
        command
            .args(["--user", "--map-root-user", "sh", "-c", &script, "sh"])
            .args(program);
        command
    };
    if namespace(&["true"])
        .status()
        .is_ok_and(|status| status.success())
    {
        let mcpo = env!("CARGO_BIN_EXE_mcpo");
        return Some(namespace(&[mcpo, "dev", "--port", "0"]));
    }
    let is_check = std::env::var("NEXTEST_PROFILE").is_ok_and(|profile| profile == "ci");
    assert!(!is_check, "could not run: user namespaces are not allowed");
    println!("not run: user namespaces are not allowed");
    None
}

#[test]
fn files_are_polled_if_no_inotify_instance_is_left() {
    let project = TinyProject::new();
    let Some(command) = with_limit(&project, "max_inotify_instances", 0) else {
        return;
    };
    let dev = Dev::spawn(command);
    dev.wait_for("the limit of inotify instances is reached; mcpo checks the files twice a second");
    dev.wait_for("sudo sysctl fs.inotify.max_user_instances=");
    dev.wait_for(" Ready in ");
    // The lock file of the first build may cause another build, which would contain the first edit.
    for answer in ["two", "three"] {
        project.answer(&format!("{answer:?}"));
        dev.wait_for_answer("/", answer);
    }
}

#[test]
fn files_are_polled_if_the_watches_run_out_at_the_start() {
    let project = TinyProject::new();
    let Some(command) = with_limit(&project, "max_inotify_watches", 1) else {
        return;
    };
    let dev = Dev::spawn(command);
    dev.wait_for("the limit of inotify watches is reached; mcpo checks the files twice a second");
    dev.wait_for("sudo sysctl fs.inotify.max_user_watches=");
    dev.wait_for(" Ready in ");
    // The lock file of the first build may cause another build, which would contain the first edit.
    for answer in ["two", "three"] {
        project.answer(&format!("{answer:?}"));
        dev.wait_for_answer("/", answer);
    }
}

#[test]
fn files_are_polled_if_the_watches_run_out_later() {
    let project = TinyProject::new();
    let Some(command) = with_limit(&project, "max_inotify_watches", 4) else {
        return;
    };
    let dev = Dev::spawn(command);
    dev.wait_for(" Ready in ");
    assert!(!dev.said().contains("inotify"), "{}", dev.said());
    for index in 0..4 {
        fs::create_dir(project.path(&format!("src/more{index}"))).unwrap();
    }
    dev.wait_for("the limit of inotify watches is reached");
    project.write("src/more3/mod.rs", "pub const MORE: &str = \"two\";\n");
    project.edit("src/main.rs", "\nfn main", "\nmod more3;\nfn main");
    project.answer("more3::MORE");
    dev.wait_for_answer("/", "two");
    project.edit("src/more3/mod.rs", "two", "three");
    dev.wait_for_answer("/", "three");
}
