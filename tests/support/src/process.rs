//! A server as a separate process that can be killed and started again.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::client::http;

/// A key ring for servers that are started more than once.
pub const SECRET: &str = "Y_EWFDw4Pt7muInnvySzcV8LKWyYjQ_TqZFlDL80OFM";
/// Another key, to rotate to.
pub const OTHER_SECRET: &str = "i8mbOIcUXgIOz18zMspvTAfXlbMpirn2k7OxBCgaDFk";

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server process; it is killed when the value is dropped.
pub struct ServerProcess {
    child: Child,
    port: u16,
}

/// Returns a port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

impl ServerProcess {
    /// Starts `program` on `port` with its state in `state`, and waits until it answers.
    pub async fn start(
        program: &str,
        port: u16,
        state: &Path,
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_with(program, port, state, environment, Stdio::null()).await
    }

    /// Starts with a stdin that stays open until the value is dropped.
    pub async fn start_with_open_stdin(
        program: &str,
        port: u16,
        state: &Path,
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_with(program, port, state, environment, Stdio::piped()).await
    }

    async fn start_with(
        program: &str,
        port: u16,
        state: &Path,
        environment: &[(&str, &str)],
        stdin: Stdio,
    ) -> Self {
        let child = Command::new(program)
            .env_remove("ADMIN_PASSWORD")
            .env_remove("BASE_URL")
            .env("PORT", port.to_string())
            .env("MCPO_SECRET", SECRET)
            .env("MCPO_STATE_DIR", state)
            .envs(environment.iter().copied())
            .stdin(stdin)
            .spawn()
            .expect("the server's program");
        let server = Self { child, port };
        server.wait_until_healthy().await;
        server
    }

    async fn wait_until_healthy(&self) {
        let health = format!("{}/health", self.base());
        let client = http().build().expect("an HTTP client");
        let began = Instant::now();
        loop {
            match client.get(&health).send().await {
                Ok(answer) if answer.status().is_success() => return,
                _ if began.elapsed() > START_TIMEOUT => panic!("{health} does not answer"),
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Returns the base URL that clients use.
    pub fn base(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process with SIGKILL, as in a crash.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.end();
    }
}
