//! The arguments of `mcpo probe`, and their validation.

mod connection;
mod document;
mod lock;
mod options;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use mcpo_common::secret::Secret;
use mcpo_probe::{Client, Store};
use url::Url;

use self::{connection::ConnectionArgs, document::DocumentArgs, lock::LockArgs};
pub use self::{lock::LockAction, options::Options};

/// The arguments that make no sense for a local server: it has no URL, no sign-in, and no store lists
/// it.
const HTTP_ONLY: [&str; 21] = [
    "url",
    "password",
    "user",
    "browser",
    "client_id",
    "client_secret",
    "client_key",
    "client_metadata_url",
    "redirect_uri",
    "headers",
    "cookies",
    "ca",
    "resolve",
    "reuse",
    "restart",
    "wait_redeploy",
    "concurrent_refresh",
    "cold",
    "security",
    "only_valid_tokens",
    "submission",
];

/// Headings of the help text. Flags without one are listed first.
const CHECKS: &str = "Checks";
const WATCH: &str = "Watch";
const STORES: &str = "Stores";
const REPORT: &str = "Report";

/// Arguments of `mcpo probe`.
#[allow(
    clippy::struct_excessive_bools,
    reason = "flags are independent of each other"
)]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mcpo probe http://localhost:8080/mcp
      test a server on this machine
  mcpo probe -- npx -y @modelcontextprotocol/server-everything
      start a local server and test it over stdio
  MCPO_PROBE_PASSWORD=… mcpo probe https://example.com/mcp
      fill in the sign-in form (other users can read a command line, but not the environment)
  mcpo probe --as cursor https://example.com/mcp
      use the redirect URIs, identity and limits of another client
  mcpo probe --browser https://example.com/mcp
      sign in with your own browser, as with GitHub or Google
  mcpo probe --restart 'systemctl --user restart my-service' --concurrent-refresh http://localhost:8080/mcp
      check that clients stay connected across a redeploy
  mcpo probe --security http://localhost:8080/mcp
      also attack the server (only your own), to find vulnerabilities
  mcpo probe https://example.com/mcp --tool add --args '{\"a\": 1, \"b\": 2}'
      call this tool instead of the first one that is safe to call
  mcpo probe https://example.com/mcp --client-id my-client
      use a pre-registered client; its secret comes from MCPO_PROBE_CLIENT_SECRET
  mcpo probe https://example.com/mcp --json | jq '.checks[] | select(.verdict == \"fail\")'
      print the report for a script
  mcpo probe https://example.com/mcp --markdown
      print the report for an issue; use --html > report.html for a page with a sequence diagram,
      --junit for a build server, --sarif for code scanning
  mcpo probe https://example.com/mcp --trace 2> trace.txt
      write every request and response without secrets, and a curl command to repeat it
  mcpo probe https://example.com/mcp --reuse
      store the client and its tokens in your state folder, and test them in the next run
  mcpo probe https://example.com/mcp --watch=5m --alert 'mail -s \"$MCPO_PROBE_CHANGES\" me'
      run again every 5 minutes, and report changes
  mcpo probe https://example.com/mcp --cold
      send nothing for 15 minutes, then check that the first response comes in time
  mcpo probe https://example.com/mcp --for claude-directory,chatgpt --submission submission.md
      check the published rules of both stores, and write a draft of the submission
  mcpo probe https://example.com/mcp --lock mcpo.lock
      write the tools, resources and prompts to a file; later, --locked mcpo.lock fails if a change
      breaks clients, unless --accept-changes is given
  mcpo probe https://example.com/mcp --header 'CF-Access-Client-Id: …' --ca company.pem
      connect through a gateway that requires a key, and trust your company's certificates

Exit codes:
  0    every check passed (warnings allowed)
  1    a check failed, a required rule of a store is broken, or a change of the contract breaks
       clients
  2    the probe could not run: no connection, wrong arguments, a missing password
  130  interrupted by Ctrl-C")]
pub struct ProbeArgs {
    /// URL of the MCP server, such as <https://example.com/mcp>.
    #[arg(required_unless_present = "command")]
    url: Option<String>,

    /// Command that starts a local MCP server, to probe it over stdio.
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = HTTP_ONLY)]
    command: Vec<String>,

    /// Client to imitate: its requests, its time limits, and what it shows to users. The default is
    /// claude, and claude-code for a local server.
    #[arg(long = "as", value_name = "CLIENT", value_enum)]
    client: Option<Client>,

    /// Password for the server's sign-in form; `MCPO_PROBE_PASSWORD` is safer.
    #[arg(long, value_name = "PASSWORD")]
    password: Option<Secret>,

    /// User name for a sign-in form that asks for a name and a password.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Sign in with your own browser instead of filling in the forms.
    #[arg(long, conflicts_with_all = ["user", "password", "redirect_uri"])]
    browser: bool,

    /// Tool to call.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,

    /// Arguments of the tool, as a JSON object.
    #[arg(long, value_name = "JSON", requires = "tool")]
    args: Option<String>,

    /// Id of a pre-registered client.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// Secret of the pre-registered client; `MCPO_PROBE_CLIENT_SECRET` is safer.
    #[arg(long, value_name = "SECRET", requires = "client_id")]
    client_secret: Option<Secret>,

    /// Key of the pre-registered client, for `private_key_jwt`: an EC key on P-256 (PKCS#8, PEM).
    #[arg(
        long,
        value_name = "FILE",
        requires = "client_id",
        conflicts_with = "client_secret"
    )]
    client_key: Option<PathBuf>,

    /// Client ID Metadata Document to use, if the server supports such documents.
    #[arg(long, value_name = "URL", conflicts_with = "client_id")]
    client_metadata_url: Option<Url>,

    /// Redirect URI to use instead of the client's own; the probe sends nothing to it.
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<Url>,

    /// Seconds allowed for each request, instead of the client's own limit; claude.ai allows 10.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Store the client and its tokens in your state folder, and reuse them instead of signing in.
    #[arg(long, help_heading = CHECKS)]
    reuse: bool,

    /// Restart the server with this shell command, and check that the tokens and the client still
    /// work.
    #[arg(long, help_heading = CHECKS, value_name = "COMMAND", conflicts_with = "browser")]
    restart: Option<String>,

    /// Like `--restart`, but you restart or redeploy the server and then press enter.
    #[arg(long, help_heading = CHECKS, conflicts_with_all = ["restart", "browser"])]
    wait_redeploy: bool,

    /// Send two refresh requests at the same time, as claude.ai does.
    #[arg(long, help_heading = CHECKS, conflicts_with = "browser")]
    concurrent_refresh: bool,

    /// Send nothing for this long (15m if not given), then measure the time of the first response.
    #[arg(long, help_heading = CHECKS, value_name = "TIME", value_parser = time, num_args = 0..=1, default_missing_value = "15m", require_equals = true)]
    cold: Option<Duration>,

    /// Run again at this interval (1m if not given), and report changes.
    #[arg(long, help_heading = WATCH, value_name = "TIME", value_parser = time, num_args = 0..=1, default_missing_value = "1m", require_equals = true,
        conflicts_with_all = ["cold", "restart", "wait_redeploy", "security", "reuse"])]
    watch: Option<Duration>,

    /// With --watch: stop after this number of runs; the exit code is that of the last run.
    #[arg(long, help_heading = WATCH, value_name = "NUMBER", requires = "watch", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,

    /// With --watch: shell command to run on each change, with `MCPO_PROBE_URL`,
    /// `MCPO_PROBE_EXIT` and `MCPO_PROBE_CHANGES` in its environment.
    #[arg(long, help_heading = WATCH, value_name = "COMMAND", requires = "watch")]
    alert: Option<String>,

    /// Also attack the server, to find vulnerabilities; only for servers that you own.
    #[arg(long, help_heading = CHECKS)]
    security: bool,

    /// Skip the checks that send an invalid token.
    #[arg(long, help_heading = CHECKS, conflicts_with = "security")]
    only_valid_tokens: bool,

    /// With --security: confirm that you own a server that is not on this machine.
    #[arg(long, help_heading = CHECKS, requires = "security")]
    yes: bool,

    /// Check the published rules of stores, such as `claude-directory,chatgpt`.
    #[arg(long = "for", help_heading = STORES, value_name = "STORES", value_enum, value_delimiter = ',')]
    stores: Vec<Store>,

    /// With --for: write a draft of the submission to this new file (.md or .json) or folder (NAME/).
    #[arg(
        long,
        help_heading = STORES,
        value_name = "PATH",
        requires = "stores",
        conflicts_with = "watch"
    )]
    submission: Option<PathBuf>,

    #[command(flatten)]
    lock: LockArgs,

    /// Show all checks, also those that passed.
    #[arg(long, short, help_heading = REPORT)]
    verbose: bool,

    /// Write every request, its response, and a curl command to repeat it to stderr; secrets are
    /// replaced by their names and lengths.
    #[arg(long, help_heading = REPORT)]
    trace: bool,

    #[command(flatten)]
    document: DocumentArgs,
}

/// Parses `90s`, `15m` or `1h`; a bare number is seconds.
fn time(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let factor = match unit {
        "h" => 3_600.0,
        "m" => 60.0,
        _ => 1.0,
    };
    let number: f64 = number
        .parse()
        .map_err(|_| "write 90s, 15m or 1h".to_owned())?;
    match Duration::try_from_secs_f64(number * factor) {
        Ok(time) if time.as_secs() <= 86_400 => Ok(time),
        _ => Err("use a time of at most 24h".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration.as_secs() <= 3_600 => Ok(duration),
        _ => Err("use more than 0 and at most 3600 seconds".to_owned()),
    }
}
