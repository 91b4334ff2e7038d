//! A tunnel from the internet. The tunnel program is started before the first server, so that the
//! server knows its public address from the first request on.

use std::{
    collections::VecDeque,
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use mcpo_common::{
    error::{Failure, Outcome},
    process::{Group, apart},
    text::is_hidden,
    ui::Ui,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::providers::{Provider, TunnelChoice};

/// How long the program may take to report an address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(45);
/// How long the program may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// The number of output lines that are shown of a tunnel that failed.
const LAST_LINES: usize = 8;
/// Starts the program so that it ends with this process, however this process ends: the pipe
/// closes, and the shell notices that.
#[cfg(unix)]
fn lifeline(program: &str) -> Command {
    const SCRIPT: &str = "exec 3<&0\n\
        \"$@\" </dev/null 3<&- & tunnel=$!\n\
        (read -r _ <&3; kill \"$tunnel\" 2>/dev/null) & watch=$!\n\
        wait \"$tunnel\"; code=$?\n\
        kill \"$watch\" 2>/dev/null\n\
        exit $code\n";
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh", program]);
    command
}

/// On Windows, the job object ends the program together with this process.
#[cfg(windows)]
fn lifeline(program: &str) -> Command {
    Command::new(program)
}

/// A tunnel that leads to this machine.
pub struct Tunnel {
    kind: Provider,
    child: Child,
    group: Group,
    /// Held open while this process lives.
    _lifeline: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    /// `https://HOST`, without a path.
    pub address: String,
}

impl Tunnel {
    /// Starts the program and waits until it reports its address.
    pub async fn open(choice: TunnelChoice, port: u16, ui: &Ui) -> Outcome<Self> {
        let kind = Provider::choose(choice)?;
        let program = kind.program();
        let progress = ui.spinner(format!("{program} opens a tunnel"));
        let opened = Self::start(kind, port)
            .map_err(|error| Failure::new(format!("failed to start {program}")).because(&error));
        let opened = match opened {
            Ok(tunnel) => tunnel.wait_for_address().await,
            Err(failure) => Err(failure),
        };
        progress.finish_and_clear();
        opened
    }

    fn start(kind: Provider, port: u16) -> io::Result<Self> {
        let mut command = lifeline(kind.program());
        command
            .args(kind.arguments(port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = apart(&mut command).spawn()?;
        let (sender, lines) = mpsc::channel(64);
        pass_on(child.stdout.take(), sender.clone());
        pass_on(child.stderr.take(), sender);
        Ok(Self {
            kind,
            group: Group::of(&child),
            _lifeline: child.stdin.take(),
            child,
            lines,
            address: String::new(),
        })
    }

    async fn wait_for_address(mut self) -> Outcome<Self> {
        let mut last = VecDeque::new();
        let found = timeout(ADDRESS_TIMEOUT, async {
            while let Some(line) = self.lines.recv().await {
                if let Some(address) = self.kind.address(&line) {
                    return Some(address);
                }
                if last.len() == LAST_LINES {
                    last.pop_front();
                }
                last.push_back(plain(&line));
            }
            None
        })
        .await;
        let program = self.kind.program();
        let why = match found {
            Ok(Some(address)) => {
                self.address = address;
                return Ok(self);
            }
            Ok(None) => format!("{program} ended without an address"),
            Err(_) => format!(
                "{program} reported no address within {} s",
                ADDRESS_TIMEOUT.as_secs()
            ),
        };
        self.end().await;
        let said: Vec<_> = last.into_iter().filter(|line| !line.is_empty()).collect();
        let said = io::Error::other(if said.is_empty() {
            "it printed nothing".to_owned()
        } else {
            said.join("\n    ")
        });
        Err(Failure::new(why).because(&said))
    }

    /// Watches the program until everything stops. Warns if it ends by itself.
    pub async fn run(mut self, stop: &CancellationToken, ui: &Ui) {
        let ended = loop {
            tokio::select! {
                () = stop.cancelled() => break None,
                // The output must be read, or the program would block.
                Some(_) = self.lines.recv() => {}
                status = self.child.wait() => break Some(status),
            }
        };
        let Some(status) = ended else {
            return self.end().await;
        };
        let how = status.map_or_else(
            |error| error.to_string(),
            |status: ExitStatus| status.to_string(),
        );
        ui.warn(format_args!(
            "{} ended ({how}): the server is no longer reachable from the internet; restart \
             mcpo dev",
            self.kind.program()
        ));
        stop.cancelled().await;
    }

    async fn end(&mut self) {
        self.group.terminate();
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            self.group.kill();
            // The program cannot survive a kill.
            let _ = self.child.wait().await;
        }
    }
}

fn pass_on(output: Option<impl AsyncRead + Unpin + Send + 'static>, to: mpsc::Sender<String>) {
    let Some(output) = output else {
        return;
    };
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if to.send(line).await.is_err() {
                return;
            }
        }
    });
}

/// Removes hidden characters, because the output of another program must not control the terminal.
fn plain(line: &str) -> String {
    line.trim().chars().filter(|c| !is_hidden(*c)).collect()
}
