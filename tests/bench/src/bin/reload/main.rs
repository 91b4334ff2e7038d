//! Measures the time from saving a file to the changed response, for `mcpo dev` and, in the same
//! rounds, for comparable tools. `scripts/bench/reload` installs the tools and runs it.

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a failed measurement ends the run; the output is a table"
)]

mod calls;
mod stream;
mod watched;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use mcpo_bench::table::{Figure, Target};
use mcpo_test_support::process::{SECRET, free_port};

use crate::{
    calls::call_continuously,
    watched::{FIRST_BUILD_TIMEOUT, Watched},
};

const ROUNDS: usize = 20;
/// The tool of the `server` template, to be added to another template.
const GREET: &str = r#"    /// Greet a person by name.
    #[tool]
    fn greet(&self, Parameters(greeting): Parameters<std::collections::HashMap<String, String>>) -> String {
        format!("Hello, {}!", greeting["name"])
    }

"#;

/// The paths of the compared tools, from the environment.
struct Peers {
    mcpo: PathBuf,
    cargo_watch: PathBuf,
    python: PathBuf,
    /// The target folders, which are kept between runs.
    targets: PathBuf,
}

impl Peers {
    fn from_environment() -> Self {
        let path = |name| {
            let value = env::var_os(name).unwrap_or_else(|| panic!("{name} is not set"));
            PathBuf::from(value)
        };
        Self {
            mcpo: path("MCPO"),
            cargo_watch: path("CARGO_WATCH"),
            python: path("PYTHON"),
            targets: path("BENCH_TARGETS"),
        }
    }

    /// Creates a project from a template.
    fn project(&self, template: &str, folder: &Path) {
        let made = Command::new(&self.mcpo)
            .args(["new", "service", "--template", template, "--path"])
            .arg(folder)
            .output();
        assert!(made.expect("mcpo").status.success(), "mcpo new");
    }

    /// Creates a project and starts `program` on it.
    fn rust(&self, name: &'static str, program: &Path, arguments: &[&str], here: &Path) -> Watched {
        let folder = here.join(name.split(' ').next().unwrap_or(name));
        self.project("server", &folder);
        self.watch(name, program, arguments, &folder)
    }

    /// Creates a project from the `github` template, with an additional tool that does not call
    /// GitHub.
    fn github(&self, here: &Path) -> Watched {
        let folder = here.join("github");
        self.project("github", &folder);
        let main = folder.join("src/main.rs");
        let text = fs::read_to_string(&main).expect("a source");
        let first_tool = "    /// Say who is signed in at GitHub.";
        assert!(text.contains(first_tool), "the template has changed");
        let text = text.replace(first_tool, &format!("{GREET}{first_tool}"));
        fs::write(&main, text).expect("a source");
        self.watch("mcpo dev github", &self.mcpo, &["dev"], &folder)
    }

    fn watch(
        &self,
        name: &'static str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
    ) -> Watched {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .env("MCPO_SECRET", SECRET)
            .env(
                "CARGO_TARGET_DIR",
                self.targets.join(name.replace(' ', "-")),
            )
            .env_remove("ADMIN_PASSWORD");
        let port = free_port();
        if program == self.mcpo {
            command.args(["--port", &port.to_string()]);
        }
        Watched::start(name, &mut command, port, folder.join("src/main.rs"))
    }

    fn python(&self, here: &Path) -> Watched {
        let folder = here.join("python");
        fs::create_dir(&folder).expect("a folder");
        let source = folder.join("service.py");
        fs::write(&source, include_str!("service.py")).expect("a file");
        let port = free_port();
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "uvicorn", "service:app", "--reload", "--port"])
            .arg(port.to_string())
            .current_dir(&folder);
        Watched::start("uvicorn --reload", &mut command, port, source)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let peers = Peers::from_environment();
    let here = tempfile::tempdir().expect("a folder");
    eprintln!("first builds …");
    let mut ours = peers.rust("mcpo dev", &peers.mcpo, &["dev"], here.path());
    ours.sign_in().await;
    wait_for_library(&peers.targets.join("mcpo-dev"));
    if env::args().any(|argument| argument == "--streams") {
        return streams_only(&mut ours);
    }
    let cargo_watch = ["watch", "-x", "run"];
    let mut cargo = peers.rust("cargo watch", &peers.cargo_watch, &cargo_watch, here.path());
    cargo.sign_in().await;
    let mut github = peers.github(here.path());
    github.sign_in().await;
    wait_for_library(&peers.targets.join("mcpo-dev-github"));
    let mut python = peers.python(here.path());
    python.wait(FIRST_BUILD_TIMEOUT);

    eprintln!("{ROUNDS} rounds …");
    for round in 0..=ROUNDS {
        for server in [&mut ours, &mut github, &mut python, &mut cargo] {
            server.edit(round);
            // Let background work of the reload finish before the next one is measured.
            thread::sleep(Duration::from_millis(700));
        }
    }
    let medians = Medians {
        ours: ours.median(),
        github: github.median(),
        python: python.median(),
        cargo: cargo.median(),
    };
    drop((cargo, github, python));

    eprintln!("{ROUNDS} reloads under load …");
    let (took, mut failed) = under_load(&mut ours);
    eprintln!("reloads during open calls …");
    let cut = stream::over_reloads(&mut ours);
    let figures = figures(&medians, &took, (failed.len(), cut.len()));
    failed.extend(cut);
    for error in &failed {
        eprintln!("failed: {error}");
    }
    for figure in &figures {
        println!("{figure}");
    }
    let missed = figures.iter().filter(|figure| !figure.is_met()).count();
    println!("{} figures, {missed} missed their target", figures.len());
    ExitCode::from(u8::from(missed > 0))
}

/// Runs only the part that needs no other tools and no quiet machine.
fn streams_only(ours: &mut Watched) -> ExitCode {
    let cut = stream::over_reloads(ours);
    for error in &cut {
        eprintln!("failed: {error}");
    }
    println!(
        "{} of {} calls over SSE were interrupted",
        cut.len(),
        stream::STREAMS
    );
    ExitCode::from(u8::from(!cut.is_empty()))
}

/// Waits until the fast build path is ready, which `mcpo dev` prepares in the background.
fn wait_for_library(target: &Path) {
    let began = Instant::now();
    while !target.join("debug/mcpo-dev/library.stamp").is_file() {
        assert!(
            began.elapsed() < FIRST_BUILD_TIMEOUT,
            "no library in {}",
            target.display()
        );
        thread::sleep(Duration::from_millis(200));
    }
}

/// Returns the durations of calls under reloads, in ascending order, and their errors.
fn under_load(ours: &mut Watched) -> (Vec<f64>, Vec<String>) {
    let stop = Arc::new(AtomicBool::new(false));
    let token = ours.token.clone().expect("a token");
    let port = ours.port;
    let callers = [false, true].map(|keep| {
        let (stop, token) = (Arc::clone(&stop), token.clone());
        thread::spawn(move || call_continuously(port, &token, keep, &stop))
    });
    for round in 0..ROUNDS {
        ours.edit(100 + round);
        thread::sleep(Duration::from_millis(300));
    }
    stop.store(true, Ordering::Relaxed);
    let (mut took, mut failed) = (Vec::new(), Vec::new());
    for caller in callers {
        let (each_took, each_failed) = caller.join().expect("a caller");
        took.extend(each_took);
        failed.extend(each_failed);
    }
    took.sort_by(f64::total_cmp);
    (took, failed)
}

/// Medians in milliseconds.
struct Medians {
    ours: f64,
    github: f64,
    python: f64,
    cargo: f64,
}

fn figures(medians: &Medians, took: &[f64], (failed, cut): (usize, usize)) -> [Figure; 11] {
    let Medians {
        ours,
        github,
        python,
        cargo,
    } = *medians;
    let figure = |name: &str, value, unit, target| Figure {
        name: name.to_owned(),
        value,
        unit,
        target,
    };
    let calls = (took.len() + failed) as f64;
    let p99 = took[took.len() * 99 / 100];
    [
        figure("mcpo dev, median", ours, "ms", Target::None),
        figure("mcpo dev, github template", github, "ms", Target::None),
        figure("uvicorn --reload, median", python, "ms", Target::None),
        figure("cargo watch -x run, median", cargo, "ms", Target::None),
        figure(
            "mcpo dev vs. uvicorn --reload",
            ours / python,
            "x",
            Target::AtMost(0.22),
        ),
        figure(
            "mcpo dev vs. cargo watch",
            ours / cargo,
            "x",
            Target::AtMost(0.21),
        ),
        figure(
            "github template vs. uvicorn",
            github / python,
            "x",
            Target::AtMost(0.6),
        ),
        figure("calls during 20 reloads", calls, "", Target::None),
        figure("failed calls", failed as f64, "", Target::AtMost(0.0)),
        figure("p99 of the calls", p99, "ms", Target::AtMost(50.0)),
        figure(
            "interrupted calls over SSE, of 5",
            cut as f64,
            "",
            Target::AtMost(0.0),
        ),
    ]
}
