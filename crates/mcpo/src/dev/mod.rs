//! `mcpo dev`: rebuilds the project after each change and swaps the server behind one address.
//!
//! The actors send events to the session, which answers with commands. Data flows in circles only
//! through the session:
//!
//! ```text
//! watcher, builder, supervisor, prober, tool caller, client progress, keyboard
//!    │ Event                                            ▲ Command
//!    ▼                                                  │
//!  session ── decides, and prints through the reporter ─┘
//! ```
//!
//! - the **watcher** knows which files matter and combines the file events of one save;
//! - the **builder** builds an executable from the current files, or reports why it cannot;
//! - the **supervisor** owns the listening socket and replaces a server only when the next one is
//!   ready;
//! - the **prober** probes the server when commanded, and the **tool caller** calls single tools;
//! - the **client progress** follows clients through the requests that the server reports;
//! - the **session** decides what happens next.
//!
//! A tunnel from the internet or a TLS endpoint may be placed in front of the socket (`expose`).

mod args;
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
mod ui;
mod watch;

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    package::Package,
    project::{self, Environment, SecretOrigin},
    ui::Ui,
};
use tokio_util::sync::CancellationToken;

pub use self::{args::DevArgs, build::fast_build::run_as_build_tool};
use self::{
    build::{
        builder::Builder, cargo::Cargo, change_queue::ChangeQueue, fast_build::FastBuild,
        target_folder,
    },
    console::{
        banner,
        client_progress::ClientProgress,
        hotkeys::Hotkeys,
        prober::Prober,
        reporter::Reporter,
        self_test::{SelfTest, SelfTestKey},
        tool_caller::ToolCaller,
    },
    dispatcher::Dispatcher,
    environment::ServerEnvironment,
    expose::{Entrypoint, Proxy},
    messages::{
        command::{BrowserPage, Command},
        event::EventSender,
    },
    run::{executable, socket, supervisor::Supervisor},
    session::Session,
    stop::Stop,
    ui::View,
    watch::{polling, watcher::Watcher},
};

/// Runs the project until the user or a signal stops it.
pub fn run(args: &DevArgs, ui: &Ui) -> Outcome {
    let mut package = Package::find(args.package.as_deref(), args.bin.as_deref())?;
    if !package.has_runtime {
        return Err(without_runtime(&package));
    }
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
            view: args.ui,
            poll: args.poll || without_events.is_some(),
        };
        Box::pin(develop(package, entrypoint, switches, reporter)).await
    })
}

/// The failure for a package that `mcpo dev` cannot serve. Nothing has been written yet.
fn without_runtime(package: &Package) -> Failure {
    Failure::new(format!(
        "the package `{}` does not use mcpo-runtime, so `mcpo dev` cannot run it as a server",
        package.name
    ))
    .hint("create a project with `mcpo new NAME` and move your code there")
}

/// Optional behavior of the actors.
#[derive(Clone, Copy, Debug)]
struct Switches {
    /// Probe each server that takes over.
    probe: bool,
    /// Open the browser view.
    view: bool,
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
    let key = SelfTestKey::generate()?;
    let decided = entrypoint.decided.iter().cloned();
    let environment = ServerEnvironment {
        folder: package.folder.clone(),
        decided: decided.chain([key.variable()]).collect(),
    };
    let state = project::state_folder(&package.folder)?;

    let keys = Hotkeys {
        lines: inboxes.lines,
        events: sender.clone(),
        ui,
    };
    let progress = ClientProgress {
        requests: inboxes.requests,
        calls: inboxes.calls,
        events: sender.clone(),
    };
    let files = Watcher::new(&package, inboxes.inputs, sender.clone(), switches.poll)?;
    let fast_build = FastBuild::new(package.clone(), ui);
    let records = fast_build.folder().to_owned();
    let cargo = Cargo::new(package, records, ui.clone());
    let queue = ChangeQueue::new(inboxes.changes, inboxes.history, sender.clone());
    let builder = Builder::new(cargo, fast_build, queue, sender.clone());
    let self_test = SelfTest::new(environment.clone(), &entrypoint, key)?;
    let prober = Prober {
        self_test: self_test.clone(),
        probes: inboxes.probes,
        events: sender.clone(),
    };
    let tool_caller = ToolCaller::new(self_test, inboxes.tool_requests, sender.clone());
    let (view_events, view_folder) = (sender.clone(), state.clone());
    let supervisor = Supervisor::new(
        environment,
        state,
        entrypoint.listener,
        inboxes.candidates,
        sender,
        entrypoint.local_only,
    );
    let view = View {
        feed: reporter.feed(),
        opens: inboxes.pages,
        events: view_events,
        folder: view_folder,
        has_browser: ui.is_terminal(),
    };
    let session = Session::new(reporter, switches.probe);
    if switches.view {
        dispatcher.send(Command::OpenPage(BrowserPage::View));
    }
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
            stopping_all(gently, run_testers(prober, tool_caller, view, gently)),
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

/// Runs the actors that make requests of their own.
async fn run_testers(
    prober: Prober,
    tool_caller: ToolCaller,
    view: View,
    stop: &CancellationToken,
) -> Outcome<()> {
    let (probing, calling, ()) =
        tokio::join!(prober.run(stop), tool_caller.run(stop), view.run(stop));
    probing.and(calling)
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
