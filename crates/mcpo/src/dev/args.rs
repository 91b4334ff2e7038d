//! The arguments of `mcpo dev`.

use clap::Args;

use super::expose::ExposeArgs;

/// Arguments of `mcpo dev`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent option of the command"
)]
#[command(after_help = "\
Examples:
  mcpo dev                          run the project at http://localhost:8080/mcp
  mcpo dev --port 9000              use another port
  ADMIN_PASSWORD=password mcpo dev  require a password
  mcpo dev --tunnel                 get a public URL, for claude.ai
  mcpo dev --https                  use https://localhost:8080/mcp
  mcpo dev --host 0.0.0.0 --https   serve other machines in this network, with a password
  mcpo dev --probe                  after each reload, check that claude.ai can still connect
  mcpo dev --ui                     show sign-ins and tool calls in the browser

mcpo builds each change, and the new server takes over when it is ready. Until then, and if
the change does not compile, the old server keeps answering. Variables come from the shell
and from .env; the shell takes precedence. Ctrl-C lets calls in progress finish; a second
Ctrl-C stops at once. In a terminal, press ? to list the keys.")]
pub struct DevArgs {
    #[command(flatten)]
    pub expose: ExposeArgs,

    /// Package to run, if the workspace has several.
    #[arg(long, short, value_name = "NAME")]
    pub package: Option<String>,

    /// Executable to run, if the package has several.
    #[arg(long, value_name = "NAME")]
    pub bin: Option<String>,

    /// Check the files for changes twice a second, for folders that send no file events, such as
    /// network shares and mounted folders of a host system. On Linux, mcpo does this by itself on
    /// file systems that are known to send no events.
    #[arg(long)]
    pub poll: bool,

    /// Test each new server as claude.ai would, and report problems.
    #[arg(long)]
    pub probe: bool,

    /// Open a page in the browser that shows sign-ins and tool calls live, and calls tools.
    #[arg(long)]
    pub ui: bool,

    /// Print each event as a line of JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
