//! Machines and projects with an unusual setup.

use std::fs;
#[cfg(unix)]
use std::{
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
};

use mcpo_test_support::tiny::TinyProject;
#[cfg(unix)]
use mcpo_test_support::wait;

use crate::running::Dev;
#[cfg(unix)]
use crate::tool;

/// With `--poll`, mcpo does not use file events.
#[test]
fn changes_are_found_by_polling() {
    let project = TinyProject::new();
    let dev = Dev::start_with(&project, &["--poll"], &[]);
    dev.wait_for("Polling files twice a second");
    dev.wait_for(" Ready in ");
    project.answer("\"two\"");
    dev.wait_for_answer("/", "two");
    project.write(".env", "MCPO_SECRET=x\nGREETING=hello\n");
    dev.wait_for_answer("/greeting", "hello");
    fs::create_dir(project.path("src/more")).unwrap();
    project.write("src/more/mod.rs", "pub const MORE: &str = \"three\";\n");
    project.edit("src/main.rs", "\nfn main", "\nmod more;\nfn main");
    project.answer("more::MORE");
    dev.wait_for_answer("/", "three");
    project.edit("src/more/mod.rs", "three", "four");
    dev.wait_for_answer("/", "four");
}

#[test]
fn the_only_executable_of_a_workspace_is_run() {
    let project = TinyProject::new();
    for folder in ["app/src", "words/src"] {
        fs::create_dir_all(project.path(folder)).unwrap();
    }
    let manifest = fs::read_to_string(project.path("Cargo.toml")).unwrap();
    let manifest = manifest.replace("[workspace]\n", "");
    project.write("app/Cargo.toml", &manifest);
    fs::rename(project.path("src/main.rs"), project.path("app/src/main.rs")).unwrap();
    project.write("words/Cargo.toml", &manifest.replace("tiny", "words"));
    project.write("words/src/lib.rs", "");
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"words\"]\n";
    project.write("Cargo.toml", workspace);
    let dev = Dev::ready(&project);
    assert_eq!(dev.get("/"), "one");
    drop(dev);

    // If there are several, the one in `default-members` is run.
    project.write("words/src/main.rs", "fn main() {}\n");
    let workspace = format!("{workspace}default-members = [\"app\"]\n");
    project.write("Cargo.toml", &workspace);
    let dev = Dev::ready(&project);
    assert_eq!(dev.get("/"), "one");
}

#[cfg(unix)]
#[test]
fn a_missing_rustc_wrapper_is_named() {
    let project = TinyProject::new();
    let wrapper = ("RUSTC_WRAPPER", "/nowhere/wrapper");
    let dev = Dev::start(&project, &[wrapper]);
    dev.wait_for("failed to run the rustc wrapper /nowhere/wrapper");
}

#[cfg(unix)]
#[test]
fn a_killed_cargo_is_reported() {
    let project = TinyProject::new();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = build ]; then kill -9 $$; fi\nexec {:?} \"$@\"\n",
        env!("CARGO")
    );
    let cargo = project.path("cargo.log");
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let dev = Dev::start(&project, &[("CARGO", cargo.to_str().unwrap())]);
    dev.wait_for("cargo was killed (signal: 9");
}

#[cfg(unix)]
#[test]
fn an_address_of_ipv6_is_shown_as_a_url_that_works() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("not run: this machine has no IPv6");
        return;
    }
    let project = TinyProject::new();
    let dev = Dev::start_with(&project, &["--host", "::1"], &[]);
    dev.wait_for(" Ready in ");
    let url = format!("at http://[::1]:{}/mcp", dev.port);
    assert!(dev.said().contains(&url), "{}", dev.said());
    TcpStream::connect(("::1", dev.port)).unwrap();
}

#[cfg(unix)]
#[test]
fn mcpo_stops_when_the_reader_of_its_events_is_gone() {
    let project = TinyProject::new();
    let mut child = tool::command(project.folder())
        .args(["dev", "--port", "0", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut events = BufReader::new(child.stdout.take().unwrap());
    events.read_line(&mut first).unwrap();
    assert!(first.contains("serving"), "{first}");
    drop(events);
    wait::until("the end of mcpo dev", || child.try_wait().unwrap());
}

#[test]
fn two_checkouts_with_one_target_folder_run_their_own_code() {
    let shared = tempfile::tempdir().unwrap();
    let target = ("CARGO_TARGET_DIR", shared.path().to_str().unwrap());
    let (one, two) = (TinyProject::new(), TinyProject::new());
    two.answer("\"of the other checkout\"");
    let first = Dev::start(&one, &[target]);
    first.wait_for(" Ready in ");
    let second = Dev::start(&two, &[target]);
    second.wait_for(" Ready in ");
    assert_eq!(first.get("/"), "one");
    assert_eq!(second.get("/"), "of the other checkout");
    // A restart without a build runs the existing file.
    one.write(".env", "MCPO_SECRET=x\nGREETING=hello\n");
    first.wait_for_answer("/greeting", "hello");
    assert_eq!(first.get("/"), "one");
    one.answer("\"edited\"");
    first.wait_for_answer("/", "edited");
    two.answer("\"edited, too\"");
    second.wait_for_answer("/", "edited, too");
    assert_eq!(first.get("/"), "edited");
}

/// Cargo alone would miss the change (`mv words.bak words.txt`).
#[test]
fn a_file_with_an_old_date_is_built_with_a_separate_build_folder() {
    let project = TinyProject::new();
    fs::create_dir(project.path(".cargo")).unwrap();
    project.write(".cargo/config.toml", "[build]\nbuild-dir = \"made\"\n");
    project.write("words.txt", "nothing yet");
    project.answer("include_str!(\"../words.txt\")");
    let dev = Dev::ready(&project);
    let draft = project.path("draft~");
    fs::write(&draft, "old words").unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let file = fs::File::options().append(true).open(&draft).unwrap();
    file.set_modified(old).unwrap();
    fs::rename(draft, project.path("words.txt")).unwrap();
    dev.wait_for_answer("/", "old words");
    assert!(
        !dev.said().contains("does not change the executable"),
        "{}",
        dev.said()
    );
}

/// A view of another folder, mounted with bindfs. Changes in that folder cause no events in the
/// view.
#[cfg(target_os = "linux")]
struct View<'a>(&'a std::path::Path);

#[cfg(target_os = "linux")]
impl Drop for View<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_system_without_events_is_polled() {
    let (project, real) = (TinyProject::new(), tempfile::tempdir().unwrap());
    fs::create_dir(real.path().join("src")).unwrap();
    for file in ["Cargo.toml", ".gitignore", "src/main.rs"] {
        fs::copy(project.path(file), real.path().join(file)).unwrap();
        fs::remove_file(project.path(file)).unwrap();
    }
    // Some versions can only mount onto empty folders.
    fs::remove_dir(project.path("src")).unwrap();
    let mounted = std::process::Command::new("bindfs")
        .args([real.path(), project.folder()])
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        let is_check = std::env::var("NEXTEST_PROFILE").is_ok_and(|profile| profile == "ci");
        assert!(
            !is_check,
            "could not run: bindfs is not installed or is not allowed to mount"
        );
        println!("not run: bindfs is not installed or is not allowed to mount");
        return;
    }
    let view = View(project.folder());
    let dev = Dev::start(&project, &[]);
    dev.wait_for("this file system sends no events (fuse");
    dev.wait_for(" Ready in ");
    let main = real.path().join("src/main.rs");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(main, text.replace("= \"one\"", "= \"two\"")).unwrap();
    dev.wait_for_answer("/", "two");
    drop(dev);
    drop(view);
}
