//! `mcpo probe`: its arguments, and the output after the probe.

mod args;
mod contract;
mod store;
mod submission;
mod watch;

pub use self::args::ProbeArgs;
use mcpo_common::{
    error::{Exit, Failure, Outcome},
    process::Signals,
    ui::Ui,
};
use mcpo_probe::{Restart, Terminal};

use self::{args::Options, store::Store, watch::Shown};

pub fn run(args: ProbeArgs, ui: &Ui) -> Outcome {
    let options = args.into_options()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("failed to start the probe").because(&error))?;
    let outcome = runtime.block_on(async {
        // A local server must also end if a signal ends the probe.
        let mut signals = Signals::listen()
            .map_err(|error| Failure::new("failed to listen for signals").because(&error))?;
        tokio::select! {
            // Poll the signals first, so that they work before the first request is sent.
            biased;
            _ = signals.next() => Ok(Exit::Interrupted),
            outcome = probe(options, ui) => outcome,
        }
    });
    // A name lookup that is still running must not delay the exit.
    runtime.shutdown_background();
    outcome
}

async fn probe(options: Options, ui: &Ui) -> Outcome {
    let Options {
        mut plan,
        document,
        reuse,
        traced,
        verbose,
        watch,
        submission,
        lock,
    } = options;
    let store = reuse.then(Store::open).transpose()?;
    if let Some(store) = &store {
        plan.kept = store.load(ui);
    }
    if let Some(watch) = watch {
        return Box::pin(watch::watch(
            plan,
            &watch,
            document,
            Shown { traced, verbose },
            ui,
        ))
        .await;
    }
    let mut terminal = Terminal::new(ui, &plan, document.is_some())
        .traced(traced)
        .verbose(verbose);
    if let Some(idle) = plan.cold {
        let minutes = idle.as_secs_f64() / 60.0;
        ui.say(format_args!(
            "the cold start check sends no request for {minutes:.1} min"
        ));
    }
    if matches!(plan.restart, Some(Restart::ByHand)) {
        ui.say("redeploy the server, then press enter");
    }
    let report = Box::pin(mcpo_probe::run(&plan, &mut terminal)).await;
    terminal.finish(&report);
    if let (Some(store), Some(credentials)) = (&store, &report.credentials) {
        store.keep(credentials)?;
    }
    contract::write(&lock, &report, ui)?;
    if let Some(submission) = submission {
        submission.write(&report, ui)?;
    }
    if let Some(document) = document {
        ui.result(document.write(&report));
    }
    Ok(report.exit())
}
