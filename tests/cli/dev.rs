//! After an edit, the new behavior answers on the same address, and no request is refused in the
//! meantime.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use mcpo_test_support::{http, tiny::TinyProject};

use crate::running::{Dev, native};

#[test]
fn no_request_fails_during_reloads() {
    let project = TinyProject::new();
    survives_reloads(&project, &Dev::ready(&project));
}

/// Four callers send requests all the time, and none is refused.
pub fn survives_reloads(project: &TinyProject, dev: &Dev) {
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let failures = Arc::new(Mutex::new(Vec::new()));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            let (failures, port) = (Arc::clone(&failures), dev.port);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match http::get(port, "/") {
                        Ok(_) => answered.fetch_add(1, Ordering::Relaxed),
                        Err(error) => {
                            failures.lock().unwrap().push(error.to_string());
                            0
                        }
                    };
                    thread::sleep(Duration::from_millis(5));
                }
            })
        })
        .collect();

    for round in 0..8 {
        let answer = format!("answer {round}");
        project.answer(&format!("{answer:?}"));
        dev.wait_for_answer("/", &answer);
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().unwrap();
    }
    assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
    assert!(answered.load(Ordering::Relaxed) > 100);
}

#[test]
fn prints_the_url_and_the_changed_files() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    let said = dev.said();
    assert!(said.contains(&format!(
        "Starting tiny at http://localhost:{}/mcp\n",
        dev.port
    )));
    dev.wait_for("Sign-in not required");
    assert!(
        said.contains("Created a development secret in .env"),
        "{said}"
    );

    project.answer(r#""two""#);
    dev.wait_for(&native("Reloaded src/main.rs in "));
    dev.wait_for_answer("/", "two");
    assert_eq!(dev.get("/port"), dev.port.to_string());
    assert_eq!(
        fs::canonicalize(dev.get("/state")).unwrap(),
        fs::canonicalize(project.path(".mcpo")).unwrap()
    );
    assert!(
        !dev.said().contains('\u{1b}'),
        "colors although there is no terminal"
    );
}

#[test]
fn the_server_keeps_running_after_a_failed_build() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    let server = dev.server_pid();

    project.answer("1");
    dev.wait_for("the build failed; the server keeps running");
    assert!(dev.said().contains("mismatched types"));
    assert_eq!((dev.get("/"), dev.server_pid()), ("one".to_owned(), server));

    project.answer(r#""fixed""#);
    dev.wait_for_answer("/", "fixed");
}

#[test]
fn a_failed_first_build_is_repeated_after_a_change() {
    let project = TinyProject::new();
    project.answer("1");
    let dev = Dev::start(&project, &[]);
    dev.wait_for("the build failed; waiting for a change");
    project.answer(r#""at last""#);
    dev.wait_for_answer("/", "at last");
    // It is the first server, although a change made it possible.
    dev.wait_for(" Ready in ");
}

#[test]
fn the_old_server_finishes_a_call_in_progress() {
    let project = TinyProject::new();
    finishes_calls_in_flight(&project, &Dev::ready(&project));
}

/// The old server finishes its calls while the new server answers other calls.
pub fn finishes_calls_in_flight(project: &TinyProject, dev: &Dev) {
    let port = dev.port;
    let slow = thread::spawn(move || http::get(port, "/over-a-reload").unwrap());
    // The old server has received the call once a later call is answered.
    dev.get("/");

    project.answer(r#""two""#);
    dev.wait_for_answer("/", "two");
    assert!(
        !slow.is_finished(),
        "the new server answers before the old one is done"
    );
    assert_eq!(slow.join().unwrap(), "one");
}

#[test]
fn an_open_stream_continues_during_a_reload() {
    let project = TinyProject::new();
    does_not_cut_streams(&project, &Dev::ready(&project));
}

/// A streamed answer, like a call over SSE, that began before a reload.
pub fn does_not_cut_streams(project: &TinyProject, dev: &Dev) {
    let port = dev.port;
    let stream = thread::spawn(move || http::get(port, "/stream-over-a-reload").unwrap());
    dev.get("/");

    project.answer(r#""two""#);
    dev.wait_for_answer("/", "two");
    assert!(
        !stream.is_finished(),
        "the new server answers in the meantime"
    );
    let events = stream.join().unwrap();
    let events: Vec<_> = events.split_terminator("\n\n").collect();
    let expected: Vec<_> = (0..20)
        .map(|event| format!("data: {event} of one"))
        .collect();
    assert_eq!(events, expected);
}

/// mcpo takes the place of the rustc wrapper and must then run the project's own wrapper.
#[cfg(unix)]
#[test]
fn the_rustc_wrapper_of_the_project_runs() {
    let project = TinyProject::new();
    fs::create_dir(project.path(".cargo")).unwrap();
    project.write(
        ".cargo/config.toml",
        "[build]\nrustc-wrapper = \"./wrap\"\n",
    );
    project.write(
        "wrap",
        "#!/bin/sh\necho \"$@\" >> wrapped.log\nexec \"$@\"\n",
    );
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(project.path("wrap"), executable).unwrap();
    let dev = Dev::ready(&project);
    let wrapped = fs::read_to_string(project.path("wrapped.log")).unwrap();
    assert!(wrapped.contains("--crate-name tiny"), "{wrapped}");
    project.answer(r#""two""#);
    dev.wait_for_answer("/", "two");
}

#[test]
fn the_last_of_several_saves_is_served() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    for pause in [0, 5, 30, 100, 200] {
        for step in 0..4 {
            project.answer(&format!("{:?}", format!("{pause}/{step}")));
            thread::sleep(Duration::from_millis(pause));
        }
        let last = format!("{pause}/3");
        dev.wait_for_answer("/", &last);
        // An answer from an earlier save must not come back.
        thread::sleep(Duration::from_millis(300));
        assert_eq!(dev.get("/"), last);
    }
}

/// As after `mv backup.txt note.txt`, or on a file server with its own clock. Cargo compares times.
#[test]
fn a_changed_file_with_an_old_date_is_built() {
    let project = TinyProject::new();
    project.write("note.txt", "first");
    project.answer("include_str!(\"../note.txt\")");
    let dev = Dev::ready(&project);
    for (file, text) in [("note.txt", "second"), ("note.txt", "third")] {
        fs::write(project.path("aside~"), text).unwrap();
        let aside = fs::File::options()
            .append(true)
            .open(project.path("aside~"));
        let old = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
        aside.unwrap().set_modified(old).unwrap();
        fs::rename(project.path("aside~"), project.path(file)).unwrap();
        dev.wait_for_answer("/", text);
    }
}

#[test]
fn a_changed_environment_file_restarts_the_server_without_a_build() {
    let project = TinyProject::new();
    project.write(".env", "MCPO_SECRET=x\nGREETING=hello\n");
    let dev = Dev::ready(&project);
    assert_eq!(dev.get("/greeting"), "hello");
    let builds = dev.said().matches("Finished").count();

    project.write(".env", "MCPO_SECRET=x\nGREETING='good evening'\n");
    dev.wait_for("Reloaded .env in ");
    dev.wait_for_answer("/greeting", "good evening");
    assert_eq!(dev.said().matches("Finished").count(), builds);

    project.write(".env", "MCPO_SECRET=x\nGREETING=un finished\n");
    dev.wait_for("error: failed to read .env, line 2, column ");
    assert_eq!(dev.get("/greeting"), "good evening");
    assert!(
        !dev.said().contains("un finished"),
        "a line of .env may be a secret"
    );
}

#[test]
fn variables_of_the_shell_override_the_environment_file() {
    let project = TinyProject::new();
    project.write(
        ".env",
        "MCPO_SECRET=x\nGREETING='from the file'\nADMIN_PASSWORD=x\n",
    );
    let dev = Dev::start(&project, &[("GREETING", "from the shell")]);
    dev.wait_for(" Ready in ");
    assert_eq!(dev.get("/greeting"), "from the shell");
    dev.wait_for("Sign-in with ADMIN_PASSWORD, set in .env\n");
}

#[test]
fn changes_to_included_files_and_new_modules_are_built() {
    let project = TinyProject::new();
    project.write("answer.log", "from a file");
    let dev = Dev::ready(&project);

    // Not a Rust file and ignored by git, but watched because the build reads it.
    project.answer(r#"include_str!("../answer.log")"#);
    dev.wait_for_answer("/", "from a file");
    project.write("answer.log", "from another");
    dev.wait_for_answer("/", "from another");

    project.answer("words::ANSWER");
    dev.wait_for("the build failed");
    fs::create_dir(project.path("src/words")).unwrap();
    project.write(
        "src/words/mod.rs",
        "pub const ANSWER: &str = \"from a module\";\n",
    );
    project.edit("src/main.rs", "\nfn main", "\nmod words;\nfn main");
    dev.wait_for_answer("/", "from a module");
    project.edit("src/words/mod.rs", "from a module", "from the same module");
    dev.wait_for_answer("/", "from the same module");
}

#[test]
fn creating_a_missing_file_repeats_the_failed_build() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    project.answer(r#"include_str!("../missing.txt")"#);
    dev.wait_for("the build failed");
    project.write("missing.txt", "here it is");
    dev.wait_for_answer("/", "here it is");
}

#[test]
fn a_changed_manifest_is_built() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    project.answer(r#"env!("CARGO_PKG_VERSION")"#);
    dev.wait_for_answer("/", "0.1.0");
    project.edit("Cargo.toml", "0.1.0", "0.2.0");
    dev.wait_for_answer("/", "0.2.0");
}

#[test]
fn a_change_to_a_path_dependency_is_built() {
    let project = TinyProject::new();
    let beside = tempfile::tempdir().unwrap();
    fs::create_dir(beside.path().join("src")).unwrap();
    let manifest = "[package]\nname = \"sibling\"\nedition = \"2024\"\n";
    fs::write(beside.path().join("Cargo.toml"), manifest).unwrap();
    let library = beside.path().join("src/lib.rs");
    fs::write(&library, "pub const ANSWER: &str = \"first\";").unwrap();
    let dependency = format!(
        "[dependencies]\nsibling = {{ path = {:?} }}\n\n[workspace]",
        beside.path()
    );
    project.edit("Cargo.toml", "[workspace]", &dependency);
    project.answer("sibling::ANSWER");

    let dev = Dev::ready(&project);
    assert_eq!(dev.get("/"), "first");
    fs::write(&library, "pub const ANSWER: &str = \"second\";").unwrap();
    dev.wait_for_answer("/", "second");
}

#[test]
fn a_build_script_that_generates_code_causes_no_rebuild_loop() {
    let project = TinyProject::new();
    project.write("words.txt", "first");
    let script = r#"
        fn main() {
            println!("cargo::rerun-if-changed=words.txt");
            let words = std::fs::read_to_string("words.txt").unwrap();
            let out = std::env::var("OUT_DIR").unwrap();
            let code = format!("pub const WORDS: &str = {words:?};");
            std::fs::write(format!("{out}/words.rs"), code).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
    "#;
    project.write("build.rs", script);
    project.answer("WORDS");
    let include = "\ninclude!(concat!(env!(\"OUT_DIR\"), \"/words.rs\"));\nfn main";
    project.edit("src/main.rs", "\nfn main", include);

    let dev = Dev::ready(&project);
    assert_eq!(dev.get("/"), "first");
    project.write("words.txt", "second");
    dev.wait_for("Reloaded words.txt in ");
    dev.wait_for_answer("/", "second");
    assert_eq!(dev.said().matches("Compiling").count(), 2, "{}", dev.said());
}

#[test]
fn changes_to_unrelated_files_cause_no_build() {
    let project = TinyProject::new();
    let dev = Dev::ready(&project);
    let server = dev.server_pid();
    project.write("README.md", "words");
    project.write("src/.main.rs.swp", "an editor's");
    project.write("src/ignored.log", "ignored");
    dev.get("/touch");

    // Events arrive in order: once this one is handled, the earlier ones have been handled too.
    project.write(".env", "MCPO_SECRET=x\nGREETING=now\n");
    dev.wait_for("Reloaded .env in ");
    dev.wait_for_server_after(server);
    assert_eq!(dev.said().matches("Reloaded").count(), 1);
    assert_eq!(dev.said().matches("Finished").count(), 1, "{}", dev.said());
}

/// The tiny server does not implement MCP, so each probe of a new server must report an error.
#[test]
fn each_new_server_is_probed_with_the_probe_option() {
    let project = TinyProject::new();
    let dev = Dev::start_with(&project, &["--probe"], &[]);
    dev.wait_for("fix: ");
    let said = dev.said();
    assert!(said.contains("challenge: HTTP 200, one"), "{said}");
    assert!(said.contains("fix: "), "{said}");
    project.answer("\"two\"");
    dev.wait_for("challenge: HTTP 200, two");
    dev.wait_for_times("claude.ai: shows", 2);
}
