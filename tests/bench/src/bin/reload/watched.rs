//! A server that is restarted by a tool that watches its source.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mcpo_bench::{flow::TestUser, table::median};

use crate::calls::call;

/// The first build of a project takes minutes.
pub const FIRST_BUILD_TIMEOUT: Duration = Duration::from_secs(600);
const REBUILD_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause between two calls. Each call takes CPU time from the compiler that is measured: with a
/// tenth of this pause, a reload took 65 ms longer.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running server, with the process that watches its source.
pub struct Watched {
    name: &'static str,
    child: Child,
    pub port: u16,
    source: PathBuf,
    pub token: Option<String>,
    /// The current first word of the tool's response.
    word: String,
    waits: Vec<f64>,
}

impl Watched {
    pub fn start(name: &'static str, command: &mut Command, port: u16, source: PathBuf) -> Self {
        let child = command
            .env("PORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // The process group is killed together with all its processes.
        let child = std::os::unix::process::CommandExt::process_group(child, 0).spawn();
        Self {
            name,
            child: child.unwrap_or_else(|error| panic!("{name}: {error}")),
            port,
            source,
            token: None,
            word: "Hello".to_owned(),
            waits: Vec::new(),
        }
    }

    fn answers(&self) -> bool {
        call(self.port, self.token.as_deref()).is_ok_and(|text| text.contains(&self.word))
    }

    pub fn wait(&self, most: Duration) -> Duration {
        let began = Instant::now();
        while !self.answers() {
            assert!(
                began.elapsed() < most,
                "{} does not answer {}",
                self.name,
                self.word
            );
            thread::sleep(POLL_INTERVAL);
        }
        began.elapsed()
    }

    /// Waits until the server responds, and gets a token from it.
    pub async fn sign_in(&mut self) {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err()
            || call(self.port, None).is_err()
        {
            assert!(
                began.elapsed() < FIRST_BUILD_TIMEOUT,
                "{} does not start",
                self.name
            );
            thread::sleep(Duration::from_millis(50));
        }
        let mut user = TestUser::new(self.port, 0).await;
        let client = user.register().await;
        self.token = Some(user.token(&client).await);
    }

    /// Adds a tool that takes longer than a reload.
    pub fn add_slow_tool(&mut self) {
        const TOOL: &str = "/// Take some time.\n    #[tool]\n    fn linger(&self) -> String {\n        \
            std::thread::sleep(std::time::Duration::from_secs(3));\n        \"lingered\".to_owned()\n    }\n\n    ";
        let text = fs::read_to_string(&self.source).expect("a source");
        let before = "/// Say who is signed in.";
        assert!(text.contains(before), "the template has changed");
        let text = text.replace(before, &format!("{TOOL}{before}"));
        fs::write(&self.source, text).expect("a source");
        self.edit(199);
    }

    pub fn edit(&mut self, round: usize) {
        let next = format!("Hello{round}");
        let text = fs::read_to_string(&self.source).expect("a source");
        let old = format!("{}, ", self.word);
        assert!(text.contains(&old), "{}: no {old:?}", self.name);
        fs::write(&self.source, text.replace(&old, &format!("{next}, "))).expect("a source");
        self.word = next;
        let waited = self.wait(REBUILD_TIMEOUT);
        self.waits.push(waited.as_secs_f64() * 1e3);
    }
}

impl Watched {
    /// Returns the median of the waiting times in milliseconds, without the first edit, which is a
    /// warm-up.
    pub fn median(&self) -> f64 {
        median(self.waits[1..].iter().copied())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        thread::sleep(Duration::from_millis(500));
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}
