//! After every kind of edit, the server's answer matches the files on disk.
//!
//! Each edit produces an answer that the server has never given before, so that a stale answer
//! cannot pass for the right one. `MCPO_EDITS` makes the run longer.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    process::Command,
    time::SystemTime,
};

use mcpo_test_support::{tiny::TinyProject, wait};

use crate::running::Dev;

/// Each of the eleven kinds of edit four times. The order is fixed, but mixed.
const EDITS: usize = 44;
/// The number of functions in the runtime of the project.
const FUNCTIONS: usize = 50;

struct Editor {
    project: TinyProject,
    dev: Dev,
    /// The number of edits so far.
    count: usize,
    /// The modules that exist.
    modules: Vec<String>,
    /// The function of the runtime that the server calls.
    function: usize,
}

impl Editor {
    fn new() -> Self {
        let project = TinyProject::new();
        project.edit(
            "Cargo.toml",
            "[workspace]",
            "[features]\ndefault = []\nloud = []\n\n\
             [dependencies]\nmcpo-runtime = { path = \"runtime\" }\n\n[workspace]",
        );
        // The name is what matters: the fast build links this crate as a library.
        fs::create_dir_all(project.path("runtime/src")).unwrap();
        project.write(
            "runtime/Cargo.toml",
            "[package]\nname = \"mcpo-runtime\"\nedition = \"2024\"\n",
        );
        project.write("runtime/src/lib.rs", &runtime("nothing yet"));
        project.edit(
            "src/main.rs",
            "Some(\"/pid\")",
            "Some(\"/runtime\") => mcpo_runtime::word0().to_owned(),\n        Some(\"/pid\")",
        );
        project.write("note.txt", "nothing yet");
        project.write(
            "src/words.rs",
            "macro_rules! word { () => { \"nothing yet\" } }\n",
        );
        // A macro can be used only after its module.
        let first = "const ANSWER";
        project.edit(
            "src/main.rs",
            first,
            &format!("#[macro_use]\nmod words;\n{first}"),
        );
        let dev = Dev::ready(&project);
        Self {
            project,
            dev,
            count: 0,
            modules: Vec::new(),
            function: 0,
        }
    }

    fn next(&mut self) -> String {
        self.count += 1;
        format!("answer {}", self.count)
    }

    fn expect(&self, answer: &str) {
        let found = catch_unwind(AssertUnwindSafe(|| self.dev.wait_for_answer("/", answer)));
        if let Err(panic) = found {
            let read = |file| fs::read_to_string(self.project.path(file)).unwrap_or_default();
            let (main, note) = (read("src/main.rs"), read("note.txt"));
            let line = main.lines().find(|line| line.starts_with("const ANSWER"));
            println!(
                "on disk: {line:?}, note.txt: {note:?}; it answers {:?}",
                self.dev.get("/")
            );
            resume_unwind(panic);
        }
    }

    /// Returns the answer after the previous server has ended. A call that it accepted just before
    /// may be answered after the first call to the new server.
    fn settled(&self) -> String {
        wait::until("one answer", || {
            let first = self.dev.get("/");
            (0..20).all(|_| self.dev.get("/") == first).then_some(first)
        })
    }

    fn literal(&mut self) {
        let answer = self.next();
        self.project.answer(&format!("{answer:?}"));
        self.expect(&answer);
    }

    fn included_file(&mut self) {
        self.project.answer("include_str!(\"../note.txt\")");
        let answer = self.next();
        self.project.write("note.txt", &answer);
        self.expect(&answer);
        let answer = self.next();
        self.project.write("note.txt", &answer);
        self.expect(&answer);
    }

    fn macro_elsewhere(&mut self) {
        self.project.answer("word!()");
        let answer = self.next();
        let text = format!("macro_rules! word {{ () => {{ {answer:?} }} }}\n");
        self.project.write("src/words.rs", &text);
        self.expect(&answer);
    }

    fn new_module(&mut self) {
        let answer = self.next();
        let name = format!("m{}", self.count);
        let text = format!("pub const ANSWER: &str = {answer:?};\n");
        self.project.write(&format!("src/{name}.rs"), &text);
        self.project.edit(
            "src/main.rs",
            "\nfn main",
            &format!("\nmod {name};\nfn main"),
        );
        self.project.answer(&format!("{name}::ANSWER"));
        self.modules.push(name.clone());
        self.expect(&answer);
        let answer = self.next();
        let text = format!("pub const ANSWER: &str = {answer:?};\n");
        self.project.write(&format!("src/{name}.rs"), &text);
        self.expect(&answer);
    }

    fn module_gone(&mut self) {
        let Some(name) = self.modules.pop() else {
            return self.new_module();
        };
        let answer = self.next();
        self.project.answer(&format!("{answer:?}"));
        self.project
            .edit("src/main.rs", &format!("\nmod {name};"), "");
        fs::remove_file(self.project.path(&format!("src/{name}.rs"))).unwrap();
        self.expect(&answer);
    }

    fn feature(&mut self) {
        let (quiet, loud) = (self.next(), self.next());
        let choice = format!("if cfg!(feature = \"loud\") {{ {loud:?} }} else {{ {quiet:?} }}");
        self.project.answer(&choice);
        self.expect(&quiet);
        self.project
            .edit("Cargo.toml", "default = []", "default = [\"loud\"]");
        self.expect(&loud);
        self.project
            .edit("Cargo.toml", "default = [\"loud\"]", "default = []");
        self.expect(&quiet);
    }

    /// Calls a function of the runtime that the server has not called before, so that it uses
    /// another symbol of the library.
    fn other_function(&mut self) {
        let before = if cfg!(target_os = "linux") {
            Some(wait::until("the stub", || self.stub_time()))
        } else {
            None
        };
        let old = format!("word{}()", self.function);
        self.function += 1;
        let new = format!("word{}()", self.function);
        self.project.edit("src/main.rs", &old, &new);
        let answer = runtime_answer(self.function, &self.words());
        self.dev.wait_for_answer("/runtime", &answer);
        if cfg!(target_os = "linux") {
            wait::until("a stub with the other symbol", || {
                (self.stub_time() > before).then_some(())
            });
        }
    }

    /// Changes the runtime, and then a file of the server, which is linked to the library again.
    fn runtime(&mut self) {
        let words = self.next();
        self.project.write("runtime/src/lib.rs", &runtime(&words));
        let answer = runtime_answer(self.function, &words);
        self.dev.wait_for_answer("/runtime", &answer);
        // The library is made again after the build.
        if cfg!(target_os = "linux") {
            wait::until("the stub", || self.stub_time());
        }
        self.literal();
        self.dev.wait_for_answer("/runtime", &answer);
        self.literal();
        assert_eq!(self.dev.get("/runtime"), answer);
    }

    /// Returns what the functions of the runtime answer.
    fn words(&self) -> String {
        let text = fs::read_to_string(self.project.path("runtime/src/lib.rs")).unwrap();
        let first = text.lines().next().unwrap();
        first.trim_start_matches("// ").to_owned()
    }

    /// Returns the time when the stub of the library was written.
    fn stub_time(&self) -> Option<SystemTime> {
        let stub = self.project.path("target/debug/mcpo-dev/library-stub.so");
        fs::metadata(stub).ok()?.modified().ok()
    }

    fn error_and_repair(&mut self) {
        let failures = self.dev.said().matches("the build failed").count();
        let before = self.settled();
        self.project.answer("\"unfinished");
        self.dev.wait_for_times("the build failed", failures + 1);
        self.expect(&before);
        self.literal();
    }

    fn two_saves(&mut self) {
        let overtaken = self.next();
        self.project.answer(&format!("{overtaken:?}"));
        self.literal();
    }

    fn other_branch(&mut self) {
        let before = self.next();
        self.project.answer(&format!("{before:?}"));
        self.expect(&before);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "before"]);
        let branch = format!("b{}", self.count);
        self.git(&["checkout", "--quiet", "-b", &branch]);
        self.literal();
        self.git(&["commit", "--quiet", "--all", "--message", "after"]);
        self.git(&["checkout", "--quiet", "main"]);
        self.expect(&before);
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@localhost"]);
        let status = git
            .args(arguments)
            .current_dir(self.project.folder())
            .status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    }
}

/// Returns the source of a crate with the name of the runtime.
fn runtime(words: &str) -> String {
    let functions = (0..FUNCTIONS).map(|index| {
        let answer = runtime_answer(index, words);
        format!("#[inline(never)]\npub fn word{index}() -> &'static str {{ {answer:?} }}\n")
    });
    format!("// {words}\n{}", functions.collect::<String>())
}

fn runtime_answer(function: usize, words: &str) -> String {
    format!("{words} {function}")
}

#[test]
fn the_served_code_matches_the_files_after_many_edits() {
    let edits = std::env::var("MCPO_EDITS").map_or(EDITS, |text| text.parse().unwrap());
    let mut editor = Editor::new();
    editor.git(&["init", "--quiet", "--initial-branch", "main"]);
    let kinds: [fn(&mut Editor); 11] = [
        Editor::literal,
        Editor::other_function,
        Editor::runtime,
        Editor::included_file,
        Editor::macro_elsewhere,
        Editor::new_module,
        Editor::two_saves,
        Editor::feature,
        Editor::error_and_repair,
        Editor::other_branch,
        Editor::module_gone,
    ];
    // A step that shares no divisor with the number of kinds reaches all of them, and each kind
    // follows a different one in each round.
    let steps = [1, 2, 4, 7];
    let mut at = 0;
    for edit in 0..edits {
        at = (at + steps[edit / kinds.len() % steps.len()]) % kinds.len();
        kinds[at](&mut editor);
    }
    // On Windows, cargo builds everything.
    if cfg!(windows) {
        return;
    }
    let short = editor.project.path("target/debug/mcpo-dev");
    let made = fs::read_dir(short).unwrap().flatten();
    let executables = made.filter(|file| {
        let name = file.file_name().into_string().unwrap();
        name.starts_with("tiny-") && !name.contains('.')
    });
    assert!(executables.count() > 0, "the shortcut was never used");
}

#[test]
fn a_change_in_a_folder_of_rerun_if_changed_is_built() {
    let outside = tempfile::tempdir().unwrap();
    let words = outside.path().join("words");
    std::fs::create_dir_all(words.join("more")).unwrap();
    std::fs::write(words.join("a.txt"), "one").unwrap();
    let project = TinyProject::new();
    let script = r#"
        fn main() {
            let folder = FOLDER;
            println!("cargo::rerun-if-changed={folder}");
            let read = |name| std::fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
            println!("cargo::rustc-env=WORDS={}{}", read("a.txt"), read("more/b.txt"));
        }
    "#;
    let script = script.replace("FOLDER", &format!("{:?}", words.to_str().unwrap()));
    project.write("build.rs", &script);
    project.answer("env!(\"WORDS\")");
    let dev = Dev::ready(&project);
    assert_eq!(dev.get("/"), "one");
    std::fs::write(words.join("a.txt"), "two").unwrap();
    dev.wait_for_answer("/", "two");
    std::fs::write(words.join("more/b.txt"), " more").unwrap();
    dev.wait_for_answer("/", "two more");
}

#[cfg(unix)]
#[test]
fn a_long_path_of_the_temporary_folder_works() {
    let project = TinyProject::new();
    let folder = project.path(&"long".repeat(30));
    std::fs::create_dir(&folder).unwrap();
    let dev = Dev::start(&project, &[("TMPDIR", folder.to_str().unwrap())]);
    dev.wait_for(" Ready in ");
    assert_eq!(dev.get("/"), "one");
}

/// Returns the compiler that waits for its arguments.
#[cfg(target_os = "linux")]
fn waiting_compiler(parent: u32) -> u32 {
    let line = format!("PPid:\t{parent}\n");
    wait::until("a waiting compiler", || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut waiting = processes.filter(|process| {
            let read = |file| fs::read_to_string(process.path().join(file)).unwrap_or_default();
            read("cmdline").contains("@/dev/stdin") && read("status").contains(&line)
        });
        waiting.next()?.file_name().to_str()?.parse().ok()
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_compiler_waits_for_the_next_change_and_ends_together_with_mcpo() {
    let mut editor = Editor::new();
    let first = waiting_compiler(editor.dev.pid());
    // Only this process compiles the change.
    wait::signal("STOP", first);
    editor.project.answer("\"changed\"");
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_ne!(editor.dev.get("/"), "changed");
    wait::signal("CONT", first);
    editor.expect("changed");

    let next = waiting_compiler(editor.dev.pid());
    assert_ne!(next, first);
    editor.dev.signal("KILL");
    editor.dev.wait();
    wait::until("the compiler's end", || {
        (!wait::is_running(next)).then_some(())
    });
}
