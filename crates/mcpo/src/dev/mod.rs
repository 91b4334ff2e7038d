//! `mcpo dev`: rebuilds the project after each change and swaps the server behind one address.
//!
//! The actors and the values they pass on:
//!
//! ```text
//! files → watcher ─Change→ builder ─Candidate→ supervisor → server (one child process at a time)
//!            ↑               │
//!            └─ which files the last build read
//! ```
//!
//! - the **watcher** knows which files matter and combines the file events of one save;
//! - the **builder** builds an executable from the current files, or reports why it cannot;
//! - the **supervisor** owns the listening socket and replaces a server only when the next one is
//!   ready;
//! - the **prober** probes each new server, if enabled;
//! - the **trail** follows clients through the requests that the server reports.
//!
//! A tunnel from the internet or a TLS endpoint may be placed in front of the socket (`reach`).

mod brake;
mod builder;
mod cargo;
mod change;
mod crash_loop;
mod desk;
mod distrust;
mod door;
mod executable;
mod gate;
mod holder;
mod inputs;
mod keys;
mod password;
mod patience;
mod polling;
mod prober;
mod reach;
mod scope;
mod seed;
mod server;
mod shortcut;
mod sleep;
mod snapshot;
mod socket;
mod supervisor;
mod target_folder;
mod tools;
mod trail;
mod watcher;
mod welcome;
mod wire;
mod wrapper;

use std::net::IpAddr;

use clap::Args;
use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::Package,
    process::{Asked, Signals},
    project::{self, Environment, SecretOrigin},
    ui::Ui,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use self::shortcut::record::stand_in;
use self::{
    builder::Builder,
    cargo::Cargo,
    desk::Desk,
    inputs::Inputs,
    keys::Keys,
    prober::Prober,
    reach::{Reach, Wish},
    shortcut::Shortcut,
    supervisor::{Outward, Supervisor},
    trail::Trail,
    watcher::Watcher,
};

/// Arguments of `mcpo dev`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "\
Examples:
  mcpo dev                          run the project here on http://localhost:8080/mcp
  mcpo dev --port 9000              on another port
  ADMIN_PASSWORD=secret mcpo dev    require a password
  mcpo dev --tunnel                 also on a public address, for claude.ai
  mcpo dev --https                  on https://localhost:8080/mcp
  mcpo dev --host 0.0.0.0 --https   for other machines in this network, with a password
  mcpo dev --probe                  after each reload, check that claude.ai can still connect

A change is built, and the new server takes over when it is ready. Until then, and if it
does not compile, the old server keeps answering. Variables come from the shell, then from
.env. Ctrl-C lets calls in flight finish; a second Ctrl-C stops at once. In a terminal,
press ? to list the keys.")]
pub struct DevArgs {
    /// Port to listen on; 0 selects a free port.
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,

    /// Expose the server to the internet through an installed tunnel program.
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, default_missing_value = "any", conflicts_with = "https")]
    tunnel: Option<Wish>,

    /// With --tunnel or --host: let anyone who can reach the server call its tools without signing
    /// in.
    #[arg(long)]
    open_to_anyone: bool,

    /// Serve https with a certificate for this machine, stored in .mcpo.
    #[arg(long)]
    https: bool,

    /// Package to run, if the workspace has several.
    #[arg(long, short, value_name = "NAME")]
    package: Option<String>,

    /// Executable to run, if the package has several.
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,

    /// Check the files twice a second, for folders without file events, such as network shares and
    /// folders of a host system. mcpo does this by itself on file systems that are known to send no
    /// events.
    #[arg(long)]
    poll: bool,

    /// Probe each new server as claude.ai would, and report what is wrong.
    #[arg(long)]
    probe: bool,

    /// Print each event as a line of JSON on stdout.
    #[arg(long)]
    json: bool,
}

/// Runs the project until the user or a signal stops it.
pub fn run(args: &DevArgs, ui: &Ui) -> Outcome {
    let mut package = Package::find(args.package.as_deref(), args.bin.as_deref())?;
    // Fail on a port in use before creating any file.
    let listener = socket::listen(args.host, args.port)?;
    let (environment, secret) = Environment::load_or_make(&package.folder)?;
    match secret {
        SecretOrigin::Kept => {}
        SecretOrigin::Made => ui.step("Created", "a development secret in .env"),
        SecretOrigin::MadeAndRestricted => ui.step(
            "Created",
            "a development secret in .env, which only you can read from now on (mode 0600)",
        ),
    }
    let state = project::state_folder(&package.folder)?;
    #[cfg(unix)]
    wire::clean_up();
    executable::clean_up(&state);
    if target_folder::separate(&mut package) {
        ui.step(
            "Building",
            format_args!(
                "in {}, because another project uses the same target folder",
                package.target.display()
            ),
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("failed to start").because(&error))?;
    runtime.block_on(async {
        let reach = tokio::select! {
            reach = Reach::open(args, listener, &state, &environment, ui) => reach?,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
        };
        let desk = Desk::new(reach.decided.clone(), args.json);
        let environment = environment.with(&reach.decided);
        welcome::print(ui, &desk, &package, &reach, &environment);
        let without_events = polling::file_system_without_events(&package.folder);
        if let Some(kind) = &without_events {
            let what = "files twice a second, because this file system sends no events";
            ui.step("Polling", format_args!("{what} ({kind})"));
        } else if args.poll {
            ui.step("Polling", "files twice a second");
        }
        let switches = Switches {
            probe: args.probe,
            poll: args.poll || without_events.is_some(),
        };
        Box::pin(develop(package, reach, switches, &desk, ui)).await
    })
}

/// Optional behavior of the actors.
#[derive(Clone, Copy, Debug)]
struct Switches {
    /// Probe each server that takes over.
    probe: bool,
    /// Poll the files instead of waiting for events.
    poll: bool,
}

/// Starts the actors and waits until all of them have finished.
async fn develop(
    package: Package,
    reach: Reach,
    switches: Switches,
    desk: &Desk,
    ui: &Ui,
) -> Outcome {
    let stop = Stop::default();
    let url = welcome::connector(&reach.local, &desk.environment(&package.folder)?);
    let (change_sender, changes) = mpsc::channel(16);
    let (candidate_sender, candidates) = mpsc::channel(1);
    let (notice_sender, notices) = mpsc::channel(256);
    let (inputs_sender, inputs) = watch::channel(Inputs::default());

    let keys = Keys {
        desk,
        changes: change_sender.clone(),
        url,
        ui,
    };
    let trail = Trail { notices, desk, ui };
    let files = Watcher::new(&package, inputs, change_sender, switches.poll)?;
    let shortcut = Shortcut::new(package.clone(), ui);
    let records = shortcut.folder().to_owned();
    let cargo = Cargo::new(package.clone(), records, ui.has_colours());
    let builder = Builder::new(
        cargo,
        shortcut,
        changes,
        candidate_sender,
        inputs_sender,
        desk,
        ui,
    );
    let (ready_sender, ready) = watch::channel(0);
    let prober = Prober::new(&package, &reach, ready, switches.probe, desk, ui)?;
    let outward = Outward {
        candidates,
        ready: ready_sender,
        notices: notice_sender,
        local_only: reach.local_only,
    };
    let supervisor = Supervisor::new(package, reach.door, outward, desk, ui)?;
    let (front, tunnel) = (reach.front, reach.tunnel);

    let gently = &stop.gently;
    // Cancelled when no server is left.
    let over = CancellationToken::new();
    let actors = async {
        let outcome = tokio::join!(
            stopping_all(gently, files.run(gently)),
            stopping_all(gently, builder.run(gently)),
            async {
                supervisor.run(&stop).await;
                over.cancel();
            },
            stopping_all(gently, prober.run(gently)),
            stopping_all(gently, keys.run(&stop)),
            trail.run(gently),
            async {
                tokio::select! {
                    () = desk.unread.notified() => gently.cancel(),
                    () = gently.cancelled() => {}
                }
            },
            async {
                match front {
                    Some(front) => stopping_all(gently, front.run(gently, &over)).await,
                    None => Ok(()),
                }
            },
            async {
                if let Some(tunnel) = tunnel {
                    tunnel.run(gently, ui).await;
                }
            },
        );
        // Also ends the wait for signals.
        stop.at_once.cancel();
        outcome
    };
    let (exit, (watched, built, (), walked, pressed, (), (), fronted, ())) =
        tokio::join!(stop.on_signals(), actors);
    desk.event(ui, || serde_json::json!({ "event": "stopped" }));
    watched
        .and(built)
        .and(walked)
        .and(pressed)
        .and(fronted)
        .and(exit)
}

/// The two stages of stopping: first, calls in flight may finish; then everything stops at once.
#[derive(Debug, Default)]
pub struct Stop {
    pub gently: CancellationToken,
    pub at_once: CancellationToken,
}

impl Stop {
    /// Triggers the first stage on the first signal and the second stage on the second.
    async fn on_signals(&self) -> Outcome {
        let exit = self.on_two_signals().await;
        if exit.is_err() {
            self.gently.cancel();
        }
        exit
    }

    async fn on_two_signals(&self) -> Outcome {
        let signals = Signals::listen();
        let mut signals =
            signals.map_err(|error| Failure::new("failed to listen for Ctrl-C").because(&error))?;
        let mut exit = Exit::Success;
        for stage in [&self.gently, &self.at_once] {
            let asked = tokio::select! {
                asked = signals.next() => asked,
                () = self.at_once.cancelled() => return Ok(exit),
            };
            exit = match asked {
                Asked::Interrupt => Exit::Interrupted,
                Asked::End => Exit::Success,
            };
            stage.cancel();
        }
        Ok(exit)
    }
}

/// Runs an actor and stops all others when it ends or fails.
async fn stopping_all(
    stop: &CancellationToken,
    actor: impl Future<Output = Outcome<()>>,
) -> Outcome<()> {
    let outcome = actor.await;
    stop.cancel();
    outcome
}
