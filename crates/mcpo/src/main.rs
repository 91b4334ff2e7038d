//! `mcpo`: from an idea to a remote MCP server in claude.ai.

mod cli;
mod completion;
mod dev;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod man_pages;
mod new;
mod probe;

use std::process::ExitCode;

use clap::Parser as _;
use mcpo_common::ui::Ui;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    if let Some(exit) = dev::run_as_build_tool().or_else(new::run_as_renderer) {
        return exit;
    }
    completion::answer_shell();
    let cli = Cli::parse();
    let ui = Ui::from_environment();
    let outcome = match cli.command {
        Command::New(args) => new::run(&args, &ui),
        Command::Dev(args) => dev::run(&args, &ui),
        Command::Deploy(args) => mcpo_deploy::run(&args, &ui),
        Command::Probe(args) => probe::run(*args, &ui),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit().into()
        }
    }
}
