//! A project whose build writes its own inputs is not rebuilt forever. If the server writes them
//! and crashes, it is restarted at longer and longer intervals.

use std::{thread, time::Duration};

use mcpo_test_support::tiny::TinyProject;

use crate::running::{Dev, native};

/// Waits for the warning, then checks that no further reloads happen.
fn is_stopped(dev: &Dev, file: &str) {
    dev.wait_for(&format!("warning {file} is written by every build"));
    let reloads = || dev.said().matches("Reloaded").count();
    // The server of the last attempt may still be starting.
    thread::sleep(Duration::from_secs(2));
    let before = reloads();
    thread::sleep(Duration::from_secs(5));
    assert_eq!(reloads(), before, "{}", dev.said());
    assert!(before < 12, "{}", dev.said());
}

#[test]
fn a_build_script_that_writes_a_module_is_stopped() {
    let project = TinyProject::new();
    project.write("src/made.rs", "pub const MADE: &str = \"not yet\";\n");
    let script = r#"
        fn main() {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            let text = format!("pub const MADE: &str = \"{}\";\n", now.as_nanos());
            std::fs::write("src/made.rs", text).unwrap();
        }
    "#;
    project.write("build.rs", script);
    project.edit("src/main.rs", "\nfn main", "\nmod made;\nfn main");
    project.answer("made::MADE");
    // Each build made the previous one useless. A server takes over only after the loop is
    // detected.
    let dev = Dev::start(&project, &[]);
    is_stopped(&dev, &native("src/made.rs"));
    project.answer("\"another\"");
    dev.wait_for_answer("/", "another");
}

#[test]
fn a_server_that_writes_an_input_and_crashes_is_slowed_down() {
    let project = TinyProject::new();
    project.write("note.txt", "one");
    project.answer("include_str!(\"../note.txt\")");
    project.write(".env", "MCPO_SECRET=x\nSPOILS_ITSELF=1\n");
    let dev = Dev::start(&project, &[]);
    dev.wait_for("each start of the server writes note.txt and then stops");
    let crashes = || {
        let said = dev.said();
        said.matches("stopped before it was ready (exit").count()
    };
    let before = crashes();
    thread::sleep(Duration::from_secs(8));
    assert!(crashes() - before <= 4, "{}", dev.said());
    // The pause delays a fix at most once; then the fixed server runs.
    project.write(".env", "MCPO_SECRET=x\n");
    dev.wait_for(" Ready in ");
    let spoiled = std::fs::read_to_string(project.path("note.txt")).unwrap();
    dev.wait_for_answer("/", &spoiled);
}

/// A build script without `rerun-if-changed` may read every file of the package.
#[test]
fn a_server_that_writes_an_input_at_each_start_is_slowed_down() {
    let project = TinyProject::new();
    project.write("build.rs", "fn main() {}\n");
    project.write(".env", "MCPO_SECRET=x\nWRITES_AT_START=data.json\n");
    let dev = Dev::start(&project, &[]);
    dev.wait_for("each start of the server writes data.json, which the build may read");
    let reloads = || dev.said().matches("Reloaded").count();
    let before = reloads();
    thread::sleep(Duration::from_secs(8));
    assert!(reloads() - before <= 5, "{}", dev.said());
    // An edit does not wait for the pause.
    project.answer("\"edited\"");
    dev.wait_for_answer("/", "edited");
}

/// Some tools keep caches in folders that ignore themselves.
#[test]
fn a_folder_with_its_own_gitignore_is_not_an_input() {
    let project = TinyProject::new();
    project.write("build.rs", "fn main() {}\n");
    std::fs::create_dir(project.path("scratch")).unwrap();
    project.write("scratch/.gitignore", "*\n");
    let dev = Dev::ready(&project);
    for text in ["one", "two", "three"] {
        project.write("scratch/data.json", text);
        thread::sleep(Duration::from_millis(500));
    }
    // The last save is built last.
    project.answer("\"edited\"");
    dev.wait_for_answer("/", "edited");
    assert!(!dev.said().contains("scratch"), "{}", dev.said());
}
