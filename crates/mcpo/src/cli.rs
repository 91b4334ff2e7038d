//! The command line: one variant per subcommand. Each subcommand defines its own arguments.

use clap::{Parser, Subcommand};
use mcpo_deploy::DeployArgs;

use crate::{dev::DevArgs, new::NewArgs, probe::ProbeArgs};

/// From an idea to a remote MCP server in claude.ai.
#[derive(Debug, Parser)]
#[command(
    name = "mcpo",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  mcpo new my-service && cd my-service && mcpo dev
  mcpo probe http://localhost:8080/mcp
  mcpo deploy europe-west1 --project my-project

Exit codes:
  0    success; every check passed
  1    a check failed
  2    mcpo could not run: wrong arguments, a missing program, no connection
  10   deploy --dry-run found changes
  130  interrupted by Ctrl-C"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a new MCP server project.
    New(NewArgs),
    /// Run the project in this folder and reload it on every change.
    Dev(DevArgs),
    /// Test an MCP server as claude.ai would and report problems.
    Probe(Box<ProbeArgs>),
    /// Deploy the project to Google Cloud Run, without Docker or gcloud.
    Deploy(Box<DeployArgs>),
}
