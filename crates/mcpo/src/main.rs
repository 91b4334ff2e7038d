//! `mcpo`: from an idea to a remote MCP server in claude.ai.

mod cli;
mod deploy;
mod dev;
mod error;
mod new;
mod package;
mod private;
mod probe;
mod process;
mod project;
mod text;
mod ui;
mod walk;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    cli::{Cli, Command},
    ui::Ui,
};

fn main() -> ExitCode {
    if let Some(exit) = dev::stand_in().or_else(new::stand_in) {
        return exit;
    }
    let cli = Cli::parse();
    let ui = Ui::from_environment();
    let outcome = match cli.command {
        Command::New(args) => new::run(&args, &ui),
        Command::Dev(args) => dev::run(&args, &ui),
        Command::Deploy(args) => deploy::run(&args, &ui),
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
