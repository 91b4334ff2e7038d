//! The room of `mcpo probe`: walks any MCP server as a client does, and says what is wrong.
//!
//! A walk is a list of small checks in flow order. Each step consumes the output of the one before
//! (challenge → resource → authorization server → client → code → tokens → session → tools) and
//! writes its verdicts into a log, from which both reports are made.

mod args;
mod browser_access;
mod check;
mod document;
mod http;
mod json;
mod lifecycle;
mod mcp;
mod oauth;
mod profile;
mod report;
mod rules;
mod secret;
mod security;
mod text;
mod walk;

use std::time::Instant;

pub use self::args::ProbeArgs;
use self::{args::Plan, check::Log, json::Summary, report::Terminal};
use crate::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};

pub fn run(args: ProbeArgs, ui: &Ui) -> Outcome {
    let plan = args.into_plan()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("failed to start the probe").because(&error))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            // Listening comes first, so that no request goes out before Ctrl-C is heard.
            biased;
            pressed = tokio::signal::ctrl_c() => match pressed {
                Ok(()) => Ok(Exit::Interrupted),
                Err(error) => Err(Failure::new("failed to listen for Ctrl-C").because(&error)),
            },
            exit = probe(&plan, ui) => Ok(exit),
        }
    });
    // A name that is still being looked up must not hold the user up.
    runtime.shutdown_background();
    outcome
}

async fn probe(plan: &Plan, ui: &Ui) -> Exit {
    let since = Instant::now();
    let mut terminal = Terminal::new(ui, plan);
    if matches!(plan.restart, Some(args::Restart::ByHand)) {
        ui.say("press enter when the server has been redeployed, and not before");
    }
    let mut log = Log::new(&mut terminal);
    Box::pin(walk::walk(plan, &mut log)).await;
    let (checks, suggestion) = log.into_parts();
    let summary = Summary::new(plan, &checks, suggestion, since.elapsed());
    terminal.finish(&summary);
    if let Some(document) = plan.document {
        ui.result(document.write(&summary));
    }
    summary.exit()
}
