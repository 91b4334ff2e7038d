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
//! - the **client progress** follows clients through the requests that the server reports.
//!
//! A tunnel from the internet or a TLS endpoint may be placed in front of the socket (`expose`).

mod build;
mod channels;
mod console;
mod expose;
mod local_access;
mod run;
mod stop;
mod tools;
mod watch;

use clap::Args;
use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::Package,
    project::{self, Environment, SecretOrigin},
    ui::Ui,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::build::fast_build::record::run_as_rustc_wrapper;
use self::{
    build::{builder::Builder, cargo::Cargo, fast_build::FastBuild, target_folder},
    channels::Channels,
    console::{banner, client_progress::ClientProgress, hotkeys::Hotkeys, prober::Prober},
    expose::{Entrypoint, ExposeArgs, Proxy},
    run::{
        executable, socket,
        supervisor::{Outward, Supervisor},
    },
    stop::Stop,
    watch::{inputs::Inputs, polling, watcher::Watcher},
};

/// Arguments of `mcpo dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mcpo dev                          run the project at http://localhost:8080/mcp
  mcpo dev --port 9000              use another port
  ADMIN_PASSWORD=password mcpo dev  require a password
  mcpo dev --tunnel                 get a public URL, for claude.ai
  mcpo dev --https                  use https://localhost:8080/mcp
  mcpo dev --host 0.0.0.0 --https   serve other machines in this network, with a password
  mcpo dev --probe                  after each reload, check that claude.ai can still connect

mcpo builds each change, and the new server takes over when it is ready. Until then, and if
the change does not compile, the old server keeps answering. Variables come from the shell
and from .env; the shell takes precedence. Ctrl-C lets calls in progress finish; a second
Ctrl-C stops at once. In a terminal, press ? to list the keys.")]
pub struct DevArgs {
    #[command(flatten)]
    expose: ExposeArgs,

    /// Package to run, if the workspace has several.
    #[arg(long, short, value_name = "NAME")]
    package: Option<String>,

    /// Executable to run, if the package has several.
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,

    /// Check the files for changes twice a second, for folders that send no file events, such as
    /// network shares and mounted folders of a host system. On Linux, mcpo does this by itself on
    /// file systems that are known to send no events.
    #[arg(long)]
    poll: bool,

    /// Test each new server as claude.ai would, and report problems.
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
    let listener = socket::listen(args.expose.host, args.expose.port)?;
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
    run::notify_channel::clean_up();
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
        let entrypoint = tokio::select! {
            entrypoint = Entrypoint::open(&args.expose, listener, &state, &environment, ui) => entrypoint?,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Interrupted),
        };
        let channels = Channels::new(entrypoint.decided.clone(), args.json);
        let environment = environment.with(&entrypoint.decided);
        banner::print(ui, &channels, &package, &entrypoint, &environment);
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
        Box::pin(develop(package, entrypoint, switches, &channels, ui)).await
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
    entrypoint: Entrypoint,
    switches: Switches,
    channels: &Channels,
    ui: &Ui,
) -> Outcome {
    let stop = Stop::default();
    let url = banner::connector(&entrypoint.local, &channels.environment(&package.folder)?);
    let (change_sender, changes) = mpsc::channel(16);
    let (candidate_sender, candidates) = mpsc::channel(1);
    let (notice_sender, requests) = mpsc::channel(256);
    let (inputs_sender, inputs) = tokio::sync::watch::channel(Inputs::default());

    let keys = Hotkeys {
        channels,
        changes: change_sender.clone(),
        url,
        ui,
    };
    let progress = ClientProgress {
        requests,
        channels,
        ui,
    };
    let files = Watcher::new(&package, inputs, change_sender, switches.poll, ui)?;
    let fast_build = FastBuild::new(package.clone(), ui);
    let records = fast_build.folder().to_owned();
    let cargo = Cargo::new(package.clone(), records, ui.has_colours());
    let builder = Builder::new(
        cargo,
        fast_build,
        changes,
        candidate_sender,
        inputs_sender,
        channels,
        ui,
    );
    let (ready_sender, ready) = tokio::sync::watch::channel(0);
    let prober = Prober::new(&package, &entrypoint, ready, switches.probe, channels, ui)?;
    let outward = Outward {
        candidates,
        ready: ready_sender,
        requests: notice_sender,
        local_only: entrypoint.local_only,
    };
    let supervisor = Supervisor::new(package, entrypoint.listener, outward, channels, ui)?;
    let proxies = [entrypoint.proxy, entrypoint.localhost];
    let tunnel = entrypoint.tunnel;

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
            progress.run(gently),
            async {
                tokio::select! {
                    () = channels.unread.notified() => gently.cancel(),
                    () = gently.cancelled() => {}
                }
            },
            stopping_all_proxies(proxies, gently, &over),
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
    let (exit, (watched, built, (), probe_outcome, pressed, (), (), fronted, ())) =
        tokio::join!(stop.on_signals(), actors);
    channels.event(ui, || serde_json::json!({ "event": "stopped" }));
    watched
        .and(built)
        .and(probe_outcome)
        .and(pressed)
        .and(fronted)
        .and(exit)
}

/// Runs the proxies and stops all actors when one of them fails.
async fn stopping_all_proxies(
    proxies: [Option<Proxy>; 2],
    stop: &CancellationToken,
    over: &CancellationToken,
) -> Outcome<()> {
    let [first, second] = proxies.map(|proxy| async {
        match proxy {
            Some(proxy) => stopping_all(stop, proxy.run(stop, over)).await,
            None => Ok(()),
        }
    });
    let (first, second) = tokio::join!(first, second);
    first.and(second)
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
