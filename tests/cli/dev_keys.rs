//! The keyboard in a real terminal: `script` (util-linux) creates one for each run.

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use mcpo_test_support::{
    system_sleep::{ResumeOrder, StoppedProcesses},
    tiny::TinyProject,
    wait,
};

use crate::tool;

struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn run(project: &TinyProject, command: &str) -> Self {
        let mut script = Command::new("script");
        tool::clean(&mut script, project.folder());
        let mut child = script
            .args([
                "--quiet",
                "--flush",
                "--return",
                "--command",
                command,
                "/dev/null",
            ])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut output, seen) = (child.stdout.take().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = output.read(&mut buffer)
                && length > 0
            {
                let text = String::from_utf8_lossy(&buffer[..length]);
                seen.lock().unwrap().push_str(&text);
            }
        });
        let keyboard = child.stdin.take().unwrap();
        Self {
            child,
            keyboard,
            screen,
        }
    }

    fn shows(&self, text: &str, times: usize) {
        let what = format!("{text:?}, {times} times");
        wait::until(&what, || {
            let screen = self.screen.lock().unwrap();
            (screen.matches(text).count() >= times).then_some(())
        });
    }

    /// Waits until this many servers have taken over. A requested restart may coincide with the
    /// lock file of the first build, and is then reported as a reload.
    fn has_started(&self, servers: usize) {
        wait::until(&format!("server {servers}"), || {
            let screen = self.screen.lock().unwrap();
            let count = |word| screen.matches(word).count();
            (count(" Ready in ") + count(" Reloaded ") >= servers).then_some(())
        });
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if thread::panicking() {
            let screen = self.screen.lock();
            let screen = screen.unwrap_or_else(std::sync::PoisonError::into_inner);
            println!("the screen:\n{screen}");
        }
        // This hangs up the terminal, and all processes in the terminal end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_run_their_commands_and_the_terminal_is_restored() {
    let project = TinyProject::new();
    let dev = format!(
        "{} dev --port 0; echo left with $?; stty -a",
        env!("CARGO_BIN_EXE_mcpo")
    );
    let mut terminal = Terminal::run(&project, &dev);
    terminal.shows("Keys r rebuild and restart", 1);
    terminal.shows(" Ready in ", 1);
    terminal.press("?");
    terminal.shows("Keys r rebuild and restart", 2);
    terminal.press("t");
    terminal.shows("Tools none", 1);
    terminal.press("c");
    terminal.shows("Copied http://localhost:", 1);
    terminal.shows("\u{1b}]52;c;aHR0cDovL2xvY2FsaG9zd", 1);
    terminal.press("r");
    terminal.has_started(2);
    terminal.press("l");
    terminal.shows("Requests are shown", 1);
    terminal.press("q");
    terminal.shows("left with 0", 1);
    terminal.shows(" icanon", 1);
    terminal.shows(" echo ", 1);
    let screen = terminal.screen.lock().unwrap();
    assert!(
        !screen.replace("\u{1b}[2K", "").contains("\u{1b}["),
        "colors although NO_COLOR is set"
    );
}

#[test]
fn a_digit_calls_a_tool_with_arguments_that_the_user_edits() {
    let project = TinyProject::new();
    project.write(
        ".env",
        "MCPO_SECRET=x\nMCP=1\nTOOLS='fail:1:1 gone:1:1 greet:1:1 quit:1:1'\n",
    );
    let dev = format!("{} dev --port 0", env!("CARGO_BIN_EXE_mcpo"));
    let mut terminal = Terminal::run(&project, &dev);
    terminal.shows(" Ready in ", 1);
    terminal.press("t");
    terminal.shows("Tools 1 fail, 2 gone, 3 greet, 4 quit (press a digit", 1);
    terminal.press("3");
    terminal.shows(r#"greet {"name":"probe","times":1}"#, 1);
    terminal.press("\u{15}{\"name\":\r");
    terminal.shows("the arguments are not JSON: EOF", 1);
    terminal.press("\"Ada\"}\r");
    terminal.shows(r#"Tried greet {"name":"Ada"} → "Hello, Ada!" in "#, 1);
    terminal.press("1");
    terminal.shows("warning fail returned an error in ", 1);
    terminal.shows("log line about fail", 1);
    terminal.press("2");
    terminal.shows("gone was not called: the server does not list it", 1);
    terminal.press("4");
    terminal.shows("warning quit did not return: ", 1);
    terminal.shows("the server stopped (exit status: 3)", 1);
    // The server was restarted. Keys are keys again.
    terminal.press("?");
    terminal.shows("Keys r rebuild and restart", 2);
    terminal.press("q");
    let screen = terminal.screen.lock().unwrap();
    assert!(!screen.contains("log line about greet"), "{screen}");
}

/// On a terminal, cargo's lines are combined in one line, which disappears.
#[test]
fn a_build_shows_one_line_that_disappears() {
    let project = TinyProject::new();
    let dev = format!(
        "{} dev --port 0; echo left with $?",
        env!("CARGO_BIN_EXE_mcpo")
    );
    let mut terminal = Terminal::run(&project, &format!("stty cols 100 rows 24; {dev}"));
    terminal.shows(" Compiling tiny v0.1.0", 1);
    terminal.shows(" Ready in ", 1);
    project.answer("1");
    terminal.shows("mismatched types", 1);
    terminal.shows("the build failed; the server keeps running", 1);
    terminal.press("q");
    terminal.shows("left with 0", 1);
    let screen = terminal.screen.lock().unwrap();
    for line in screen.split("\r\n") {
        // What remains of a line after the last time that it was cleared.
        let left = line.rsplit("\u{1b}[2K").next().unwrap();
        assert!(!left.contains("Compiling"), "{screen}");
    }
}

/// Nine columns are narrower than any line of output. The terminal wraps the lines, and mcpo must
/// keep working.
#[test]
fn output_fits_a_narrow_terminal_that_is_resized() {
    let project = TinyProject::new();
    let mut terminal = Terminal::run(
        &project,
        &format!(
            "echo at $(tty) now; stty cols 9 rows 4; {} dev --port 0; echo left with $?",
            env!("CARGO_BIN_EXE_mcpo")
        ),
    );
    terminal.shows(" Ready in ", 1);
    let screen = terminal.screen.lock().unwrap().clone();
    let (_, rest) = screen.split_once("at ").unwrap();
    let tty = rest.split_whitespace().next().unwrap().to_owned();
    for (columns, rows) in [("200", "60"), ("1", "1"), ("80", "24")] {
        let resized = Command::new("stty")
            .args(["-F", &tty, "cols", columns, "rows", rows])
            .status();
        assert!(resized.unwrap().success());
        project.answer(&format!("{columns:?}"));
        terminal.shows(" Reloaded ", 1);
        terminal.screen.lock().unwrap().clear();
        terminal.press("?");
        terminal.shows("Keys r rebuild and restart", 1);
    }
    terminal.press("q");
    terminal.shows("left with 0", 1);
}

/// First with a terminal that supports colors, then with one that does not.
#[test]
fn colors_are_used_only_on_terminals_that_support_them() {
    for (settings, has_colours) in [
        ("TERM=xterm NO_COLOR=", true),
        ("TERM=dumb NO_COLOR=", false),
    ] {
        let project = TinyProject::new();
        let command = format!("{settings} {} dev --port 0", env!("CARGO_BIN_EXE_mcpo"));
        let mut terminal = Terminal::run(&project, &command);
        terminal.shows("Ready", 1);
        terminal.press("q");
        let screen = terminal.screen.lock().unwrap();
        assert_eq!(
            screen.contains("\u{1b}[32m"),
            has_colours,
            "{settings}: {screen}"
        );
    }
}

#[test]
fn ctrl_c_stops_mcpo_while_keys_are_read() {
    let project = TinyProject::new();
    let dev = format!(
        "{} dev --port 0; echo left with $?; stty -a",
        env!("CARGO_BIN_EXE_mcpo")
    );
    let mut terminal = Terminal::run(&project, &format!("stty cols 40; trap : INT; {dev}"));
    terminal.shows(" Ready in ", 1);
    terminal.press("\u{3}");
    terminal.shows("left with 130", 1);
    terminal.shows(" icanon", 1);
}

#[test]
fn ctrl_c_during_the_first_build_leaves_no_progress_line() {
    let project = TinyProject::new();
    let slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(60)); }\n";
    project.write("build.rs", slow);
    let dev = format!(
        "{} dev --port 0; echo left with $?",
        env!("CARGO_BIN_EXE_mcpo")
    );
    let mut terminal = Terminal::run(&project, &format!("trap : INT; {dev}"));
    terminal.shows(" Compiling tiny v0.1.0", 1);
    terminal.press("\u{3}");
    terminal.shows("left with 130", 1);
    let screen = terminal.screen.lock().unwrap();
    let end = screen.rsplit("\u{1b}[2K").next().unwrap();
    assert!(
        !end.contains("Compiling") && !end.contains("Building"),
        "{screen}"
    );
}

/// The terminal stops together with all its processes, and has another size when it resumes.
#[test]
fn keys_work_after_mcpo_was_suspended() {
    for first in [ResumeOrder::Parents, ResumeOrder::Children] {
        let project = TinyProject::new();
        let command = format!(
            "echo at $(tty) now; sh -c 'echo pid $$ now; exec {} dev --port 0'; \
             echo left with $?; stty -a",
            env!("CARGO_BIN_EXE_mcpo")
        );
        let mut terminal = Terminal::run(&project, &command);
        terminal.shows(" Ready in ", 1);
        let screen = terminal.screen.lock().unwrap().clone();
        let after = |word| {
            let (_, rest) = screen.split_once(word).unwrap();
            rest.split_whitespace().next().unwrap().to_owned()
        };
        let tty = after("at ");
        // Do not freeze the terminal itself: `script` stops a second time when its child stops.
        let stopped_processes = StoppedProcesses::all_of(after("pid ").parse().unwrap());
        let resized = Command::new("stty")
            .args(["-F", &tty, "cols", "70", "rows", "20"])
            .status();
        assert!(resized.unwrap().success());
        // Typed while no process reads the keyboard.
        terminal.press("?");
        thread::sleep(Duration::from_millis(500));
        stopped_processes.resume(first);
        terminal.shows("Keys r rebuild and restart", 2);
        project.answer("\"two\"");
        terminal.shows("Reloaded src/main.rs", 1);
        terminal.press("q");
        terminal.shows("left with 0", 1);
        terminal.shows(" icanon", 1);
    }
}
