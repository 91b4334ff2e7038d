//! The arguments of `mcpo deploy`.

use clap::Args;

/// Arguments of `mcpo deploy`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "\
Examples:
  mcpo deploy europe-west1 --project my-project     build, push, release, verify
  mcpo deploy europe-west1 --dry-run                show what would change, and stop
  mcpo deploy europe-west1 --canary 10              give the new revision 10 % of the calls
  mcpo deploy europe-west1 --promote                then all of them
  mcpo deploy europe-west1 --rollback               or go back to the revision before
  mcpo deploy europe-west1 --logs --follow          what the service writes
  mcpo deploy europe-west1 --delete                 remove it and everything that belongs to it

Needs neither Docker nor gcloud. Settings are read from [package.metadata.mcpo] in Cargo.toml;
what is given here goes first. Without a sign-in of its own, a service gets a password, which is
shown once.

Exit codes:
  0    done, or nothing to do
  1    the new revision does not start, and the old one keeps serving; or it serves and fails
       a check of the walk
  2    could not run, and what it says was made is left to be used by the next run
  10   --dry-run: there are changes to make
  130  interrupted by Ctrl-C")]
pub struct DeployArgs {
    /// Where to run it, such as europe-west1 [default: `region` in Cargo.toml].
    pub region: Option<String>,

    /// Google Cloud project [default: `project` in Cargo.toml, `GOOGLE_CLOUD_PROJECT`, or the
    /// credentials' own].
    #[arg(long, value_name = "ID")]
    pub project: Option<String>,

    /// Name of the service [default: `service` in Cargo.toml, or the package's name].
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,

    /// Package to deploy, in a workspace with several.
    #[arg(long, short, value_name = "NAME")]
    pub package: Option<String>,

    /// Executable to deploy, in a package with several.
    #[arg(long, value_name = "NAME")]
    pub bin: Option<String>,

    /// A variable of the service's environment; secrets belong into `secrets` in Cargo.toml.
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,

    /// Show what would change and stop; asks Google nothing but reads.
    #[arg(long)]
    pub dry_run: bool,

    /// Let anyone on the internet call the tools without signing in.
    #[arg(long, conflicts_with = "private")]
    pub open_to_anyone: bool,

    /// Let only callers in that Google's IAM knows.
    #[arg(long)]
    pub private: bool,

    /// Take over a service of that name which `mcpo` did not make.
    #[arg(long)]
    pub adopt: bool,

    /// Build with Cloud Build instead of on this machine.
    #[arg(long)]
    pub remote_build: bool,

    /// Print the Dockerfile of a remote build and stop.
    #[arg(long)]
    pub show_dockerfile: bool,

    /// Give the new revision an address of its own, under this name [default: `next` with
    /// --no-traffic, `canary` with --canary].
    #[arg(long, value_name = "NAME")]
    pub tag: Option<String>,

    /// Let the new revision take no calls, except by its tag.
    #[arg(long, conflicts_with = "canary")]
    pub no_traffic: bool,

    /// Let the new revision take so many of a hundred calls.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub canary: Option<u8>,

    /// Do not check the service from outside at the end.
    #[arg(long)]
    pub no_verify: bool,

    /// Let the latest revision take all calls.
    #[arg(long, group = "verb")]
    pub promote: bool,

    /// Let an earlier revision take all calls [default: the one before].
    #[arg(long, value_name = "REVISION", group = "verb", num_args = 0..=1, default_missing_value = "")]
    pub rollback: Option<String>,

    /// Print what the service wrote.
    #[arg(long, group = "verb")]
    pub logs: bool,

    /// With --logs: go on printing.
    #[arg(long, requires = "logs")]
    pub follow: bool,

    /// Print the password that was made, from Secret Manager.
    #[arg(long, group = "verb")]
    pub show_password: bool,

    /// Say what runs there.
    #[arg(long, group = "verb")]
    pub status: bool,

    /// Remove the service and everything that was made for it.
    #[arg(long, group = "verb")]
    pub delete: bool,

    /// Do not ask before deleting.
    #[arg(long, requires = "delete")]
    pub yes: bool,

    /// Act as this service account.
    #[arg(long, value_name = "EMAIL")]
    pub impersonate_service_account: Option<String>,

    /// Print the result as JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
