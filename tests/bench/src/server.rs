//! A server as a separate process, and its resource usage as reported by the system.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mcpo_test_support::process::{SECRET, free_port};

/// The core that servers run on; the benchmark process uses another one.
const CORE: &str = "0";
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server; it is killed when the value is dropped.
pub struct Server {
    child: Child,
    /// The port on loopback.
    pub port: u16,
    /// The time from the start to the first response.
    pub started_in: Duration,
}

impl Server {
    /// Starts a program of this crate. `workers` is the number of tokio's worker threads, if it is
    /// not left to tokio; then the process also stays on one core.
    pub fn start(program: &str, state: &Path, workers: Option<u32>) -> Self {
        Self::start_with(program, state, workers, &[])
    }

    /// Starts a program as [`Self::start`] does, with additional environment variables.
    pub fn start_with(
        program: &str,
        state: &Path,
        workers: Option<u32>,
        environment: &[(&str, &str)],
    ) -> Self {
        let program = sibling(program);
        let mut command = match workers {
            Some(_) => {
                let mut command = Command::new("taskset");
                command.arg("--cpu-list").arg(CORE).arg(program);
                command
            }
            None => Command::new(program),
        };
        if let Some(workers) = workers {
            command.env("TOKIO_WORKER_THREADS", workers.to_string());
        }
        let port = free_port();
        let began = Instant::now();
        let child = command
            .env_remove("ADMIN_PASSWORD")
            .env_remove("BASE_URL")
            .env("PORT", port.to_string())
            .env("MCPO_SECRET", SECRET)
            .env("MCPO_STATE_DIR", state)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a server, and taskset");
        while !is_healthy(port) {
            assert!(began.elapsed() < START_TIMEOUT, "no answer on {port}");
            thread::sleep(Duration::from_micros(50));
        }
        let started_in = began.elapsed();
        Self {
            child,
            port,
            started_in,
        }
    }

    /// Returns the CPU time of all threads.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("a process");
        let nanoseconds = tasks.filter_map(|task| {
            let file = task.ok()?.path().join("schedstat");
            let text = fs::read_to_string(file).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Returns the resident memory in megabytes.
    pub fn memory(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let text = text.expect("a process");
        let line = text.lines().find(|line| line.starts_with("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        kilobytes
            .and_then(|number| number.parse::<f64>().ok())
            .expect("a number")
            / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sibling(program: &str) -> PathBuf {
    env::current_exe().expect("a path").with_file_name(program)
}

fn is_healthy(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return false;
    };
    let request = format!("GET /health HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    let mut start = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && &start == b"HTTP/1.1 200"
}
