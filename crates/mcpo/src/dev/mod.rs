//! `mcpo dev`: rebuilds the project after each change and swaps the server behind one address.
//!
//! The actors send events to the session, which answers with commands. Data flows in circles only
//! through the session:
//!
//! ```text
//! watcher, builder, supervisor, prober, client progress, keyboard
//!    │ Event                                            ▲ Command
//!    ▼                                                  │
//!  session ── decides, and prints through the reporter ─┘
//! ```
//!
//! - the **watcher** knows which files matter and combines the file events of one save;
//! - the **builder** builds an executable from the current files, or reports why it cannot;
//! - the **supervisor** owns the listening socket and replaces a server only when the next one is
//!   ready;
//! - the **prober** probes the server when commanded;
//! - the **client progress** follows clients through the requests that the server reports;
//! - the **session** decides what happens next.
//!
//! A tunnel from the internet or a TLS endpoint may be placed in front of the socket (`expose`).

mod build;
mod console;
mod dispatcher;
mod environment;
mod expose;
mod local_access;
mod messages;
mod run;
mod session;
mod stop;
mod watch;

use clap::Args;
use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::Package,
    project::{self, Environment, SecretOrigin},
    ui::Ui,
};
use tokio_util::sync::CancellationToken;

pub use self::build::fast_build::record::run_as_rustc_wrapper;
use self::{
    build::{
        builder::Builder, cargo::Cargo, change_queue::ChangeQueue, fast_build::FastBuild,
        target_folder,
    },
    console::{
        banner, client_progress::ClientProgress, hotkeys::Hotkeys, prober::Prober,
        reporter::Reporter,
    },
    dispatcher::Dispatcher,
    environment::ServerEnvironment,
    expose::{Entrypoint, ExposeArgs, Proxy},
    messages::event::EventSender,
    run::{executable, socket, supervisor::Supervisor},
    session::Session,
    stop::Stop,
    watch::{polling, watcher::Watcher},
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
        let mut reporter = Reporter::new(ui, args.json);
        let environment = environment.with(&entrypoint.decided);
        reporter.set_url(banner::connector(&entrypoint.local, &environment));
        banner::print(&mut reporter, &package, &entrypoint, &environment);
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
        Box::pin(develop(package, entrypoint, switches, reporter)).await
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
    reporter: Reporter<'_>,
) -> Outcome {
    let (stop, ui) = (Stop::default(), reporter.ui());
    let (sender, events) = EventSender::channel();
    let (dispatcher, inboxes) = Dispatcher::new(stop.gently.clone());
    let environment = ServerEnvironment {
        folder: package.folder.clone(),
        decided: entrypoint.decided.clone(),
    };
    let state = project::state_folder(&package.folder)?;

    let keys = Hotkeys {
        events: sender.clone(),
        ui,
    };
    let progress = ClientProgress {
        requests: inboxes.requests,
        events: sender.clone(),
    };
    let files = Watcher::new(&package, inboxes.inputs, sender.clone(), switches.poll)?;
    let fast_build = FastBuild::new(package.clone(), ui);
    let records = fast_build.folder().to_owned();
    let cargo = Cargo::new(package, records, ui.has_colours());
    let queue = ChangeQueue::new(inboxes.changes, inboxes.history, sender.clone());
    let builder = Builder::new(cargo, fast_build, queue, sender.clone());
    let prober = Prober::new(
        environment.clone(),
        &entrypoint,
        inboxes.probes,
        sender.clone(),
    )?;
    let supervisor = Supervisor::new(
        environment,
        state,
        entrypoint.listener,
        inboxes.candidates,
        sender,
        entrypoint.local_only,
    );
    let session = Session::new(reporter, switches.probe);
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
            stopping_all(gently, keys.run(gently)),
            progress.run(gently),
            session.run(events, dispatcher),
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
    let (exit, (watched, built, (), probe_outcome, pressed, (), mut reporter, fronted, ())) =
        tokio::join!(stop.on_signals(), actors);
    reporter.stopped();
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
