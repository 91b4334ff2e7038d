//! A project that writes its own inputs whenever it starts does not reload for ever.

use std::{thread, time::Duration};

use mcpo_test_support::tiny::TinyProject;

use crate::running::Dev;

/// Lets the server do this at its start.
fn at_start(project: &TinyProject, statement: &str) {
    let begin = "fn main() {\n";
    project.edit("src/main.rs", begin, &format!("{begin}    {statement}\n"));
}

/// Waits for the word, then sees that there is peace.
fn is_stopped(dev: &Dev, file: &str) {
    dev.wait_for(&format!("warning {file} is written by every start"));
    let reloads = || dev.said().matches("Reloaded").count();
    // The server of the last attempt may still be on its way.
    thread::sleep(Duration::from_secs(2));
    let before = reloads();
    thread::sleep(Duration::from_secs(5));
    assert_eq!(reloads(), before, "{}", dev.said());
    assert!(before < 12, "{}", dev.said());
}

#[test]
fn a_server_that_writes_a_file_that_it_includes() {
    let project = TinyProject::new();
    project.write("note.txt", "nothing yet");
    project.answer("include_str!(\"../note.txt\")");
    at_start(
        &project,
        "fs::write(\"note.txt\", process::id().to_string()).unwrap();",
    );
    let dev = Dev::ready(&project);
    is_stopped(&dev, "note.txt");
    // Whoever else writes it is heard, and so is any other file; the word is said once.
    project.write("note.txt", "by hand");
    dev.wait_for_answer("/", "by hand");
    project.answer("\"another\"");
    dev.wait_for_answer("/", "another");
    project.answer("\"one more\"");
    dev.wait_for_answer("/", "one more");
    assert_eq!(dev.said().matches("is written by every start").count(), 1);
}

#[test]
fn a_build_script_that_writes_a_module() {
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
    // Each build made the one before useless: a server takes over only when that is seen through.
    let dev = Dev::start(&project, &[]);
    is_stopped(&dev, "src/made.rs");
    project.answer("\"another\"");
    dev.wait_for_answer("/", "another");
}

#[test]
fn a_server_that_writes_its_environment_file() {
    let project = TinyProject::new();
    project.write(".env", "MCPO_SECRET=x\n");
    at_start(
        &project,
        "fs::write(\".env\", \"MCPO_SECRET=x\\nGREETING=of-its-own\\n\").unwrap();",
    );
    let dev = Dev::ready(&project);
    is_stopped(&dev, ".env");
    project.write(".env", "MCPO_SECRET=x\nGREETING=by-hand\n");
    dev.wait_for_answer("/greeting", "by-hand");
}
