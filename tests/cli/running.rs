//! A running `mcpo dev` for tests.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};
#[cfg(unix)]
use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

use mcpo_test_support::{http, tiny::TinyProject, wait};

use crate::tool;

/// Converts a path to the separators of this system.
pub fn native(path: &str) -> String {
    path.replace('/', std::path::MAIN_SEPARATOR_STR)
}

/// A running `mcpo dev`, which stops when this value is dropped.
pub struct Dev {
    child: Child,
    said: Arc<Mutex<String>>,
    results: Arc<Mutex<String>>,
    pub port: u16,
}

impl Dev {
    /// Starts `mcpo dev` and waits until the first server is ready.
    pub fn ready(project: &TinyProject) -> Self {
        let dev = Self::start(project, &[]);
        dev.wait_for(" Ready in ");
        dev
    }

    /// Starts `mcpo dev` on a free port.
    pub fn start(project: &TinyProject, environment: &[(&str, &str)]) -> Self {
        Self::start_with(project, &[], environment)
    }

    /// Like `start`, with additional arguments.
    pub fn start_with(
        project: &TinyProject,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = tool::command(project.folder());
        command
            .args(["dev", "--port", "0"])
            .args(arguments)
            .envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Runs a command that becomes `mcpo dev`.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::default();
        collect(child.stderr.take().unwrap(), Arc::clone(&said));
        let results = Arc::default();
        collect(child.stdout.take().unwrap(), Arc::clone(&results));
        let mut dev = Self {
            child,
            said,
            results,
            port: 0,
        };
        dev.wait_for("/mcp\n");
        let said = dev.said();
        let (url, _) = said.split_once("/mcp\n").unwrap();
        dev.port = url.rsplit(':').next().unwrap().parse().unwrap();
        dev
    }

    /// Returns everything that was written to stderr so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Returns everything that was written to stdout so far.
    pub fn results(&self) -> String {
        self.results.lock().unwrap().clone()
    }

    /// Waits until this text was written to stderr.
    pub fn wait_for(&self, text: &str) {
        self.wait_for_times(text, 1);
    }

    /// Waits until this text was written to stderr this many times.
    pub fn wait_for_times(&self, text: &str, times: usize) {
        let what = format!("{text:?}, {times} times");
        wait::until(&what, || {
            (self.said().matches(text).count() >= times).then_some(())
        });
    }

    /// Returns the server's answer.
    pub fn get(&self, path: &str) -> String {
        http::get(self.port, path).unwrap()
    }

    /// Waits until the server gives this answer. After a reload was reported, the old server may
    /// still accept a call, because it handles the signal later. While no server runs, mcpo answers
    /// with 503.
    pub fn wait_for_answer(&self, path: &str, expected: &str) {
        let what = format!("the answer {expected:?} to {path}");
        wait::until(&what, || match http::get(self.port, path) {
            Ok(answer) => (answer == expected).then_some(()),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("HTTP/1.1 503 "), "{error}");
                None
            }
        });
    }

    /// Kills `mcpo dev`, as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[cfg(unix)]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the process id of the server that answers now.
    pub fn server_pid(&self) -> u32 {
        self.get("/pid").parse().unwrap()
    }

    /// Waits until another server than this one answers. The old server may still accept a call
    /// after the reload was reported, because it handles the signal later.
    pub fn wait_for_server_after(&self, old: u32) {
        wait::until("the new server", || {
            (self.server_pid() != old).then_some(())
        });
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        wait::signal(name, self.pid());
    }

    /// Waits until `mcpo dev` ends. Returns its status and how long that took.
    #[cfg(unix)]
    pub fn wait(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        let child = &mut self.child;
        let status = wait::until("the end of mcpo dev", || child.try_wait().unwrap());
        (status, begin.elapsed())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("mcpo dev said:\n{}", self.said());
        }
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            #[cfg(unix)]
            self.signal("TERM");
            // The servers end together with `mcpo dev`.
            #[cfg(not(unix))]
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Reads the output in a thread, so that the process never blocks on a full pipe.
fn collect(from: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            said.lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}
