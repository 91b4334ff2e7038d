//! The arguments of `mcpo deploy`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `mcpo deploy`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a command-line flag")]
#[command(after_help = "\
Examples:
  mcpo deploy europe-west1 --project my-project     build, push, release, verify
  mcpo deploy europe-west1 --dry-run                show what would change, and stop
  mcpo deploy europe-west1 --steps 5,50             check the new revision at 5% and 50%
  mcpo deploy europe-west1 --canary 10              send 10% of the requests to the new revision
  mcpo deploy europe-west1 --promote                then send all requests to it
  mcpo deploy europe-west1 --rollback               or go back to the previous revision
  mcpo deploy europe-west1 --preview my-branch      deploy a preview at its own URL
  mcpo deploy europe-west1 --logs --follow          print the service's logs
  mcpo deploy europe-west1 --delete                 delete it and everything created for it
  mcpo deploy europe-west1 --export main.tf         describe the service for Terraform
  mcpo deploy --image-file image.tar                write the image to a file, for another host

Needs neither Docker nor gcloud. Settings are read from [package.metadata.mcpo] in Cargo.toml;
flags take precedence. If no sign-in is configured, mcpo generates a password and prints it
once.

Exit codes:
  0    done, or nothing to do
  1    a revision does not start, fails a check, or breaks the contract in mcpo.lock; the error
       names the revisions that serve
  2    mcpo could not run; the next run reuses the resources that it lists as made
  10   --dry-run found changes
  130  interrupted by Ctrl-C")]
pub struct DeployArgs {
    /// Region to deploy to, such as europe-west1 [default: `region` in Cargo.toml].
    pub region: Option<String>,

    /// Google Cloud project [default: `project` in Cargo.toml, `GOOGLE_CLOUD_PROJECT`, or the
    /// project of the credentials].
    #[arg(long, value_name = "ID")]
    pub project: Option<String>,

    /// Name of the service [default: `service` in Cargo.toml, or the package's name].
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,

    /// Use the settings of `[package.metadata.mcpo.env.NAME]` in Cargo.toml.
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,

    /// Package to deploy, if the workspace has several.
    #[arg(long, short, value_name = "NAME")]
    pub package: Option<String>,

    /// Executable to deploy, if the package has several.
    #[arg(long, value_name = "NAME")]
    pub bin: Option<String>,

    /// Custom domain of the service, such as mcp.example.com [default: `domain` in Cargo.toml].
    #[arg(long, value_name = "HOST")]
    pub domain: Option<String>,

    /// Make a change that takes an address away from its clients, whose users must then add the
    /// connector again.
    #[arg(long)]
    pub accept_reconnect: bool,

    /// Environment variable for the service; put secrets in `secrets` in Cargo.toml instead.
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,

    /// Show what would change and stop; send only read requests to Google.
    #[arg(long)]
    pub dry_run: bool,

    /// Let anyone on the internet call the tools without signing in.
    #[arg(long, conflicts_with = "private")]
    pub open_to_anyone: bool,

    /// Require Google IAM authentication for every request.
    #[arg(long)]
    pub private: bool,

    /// Take over an existing service that `mcpo` did not create; asks first.
    #[arg(long, group = "asks")]
    pub adopt: bool,

    /// Build with Cloud Build instead of on this machine.
    #[arg(long)]
    pub remote_build: bool,

    /// Build the image, write it to this file as an OCI archive, and stop; needs neither a region nor
    /// Google credentials.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "accept_changes", "accept_reconnect", "adopt", "canary", "domain", "dry_run", "env", "fast", "impersonate_service_account",
        "no_traffic", "no_verify", "open_to_anyone", "private", "remote_build", "safe",
        "show_dockerfile", "steps", "tag", "verb",
    ])]
    pub image_file: Option<PathBuf>,

    /// Write the service to this file instead of deploying it: .yaml for `gcloud run services replace`,
    /// or .tf for Terraform; sends only read requests to Google.
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "accept_changes", "accept_reconnect", "adopt", "canary", "dry_run", "fast", "image_file", "no_traffic",
        "no_verify", "preview", "safe", "show_dockerfile", "steps", "tag", "verb",
    ])]
    pub export: Option<PathBuf>,

    /// Print the Dockerfile of a remote build and stop.
    #[arg(long)]
    pub show_dockerfile: bool,

    /// Give the new revision its own URL, which starts with this name [default: `next` with
    /// --no-traffic, `canary` with --canary].
    #[arg(long, value_name = "NAME")]
    pub tag: Option<String>,

    /// Deploy a preview: a revision without requests, with its own URL, issuer, password and ledger
    /// records [default: the name of the branch, in CI]. With --delete or --show-password: act on
    /// this preview.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with_all = [
        "accept_changes", "adopt", "canary", "fast", "image_file", "logs", "no_traffic", "promote",
        "rollback", "safe", "show_dockerfile", "status", "steps", "tag",
    ])]
    pub preview: Option<String>,

    /// Send no requests to the new revision; it is reachable only at the URL of its tag.
    #[arg(long, conflicts_with = "canary")]
    pub no_traffic: bool,

    /// Send this percentage of requests to the new revision.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub canary: Option<u8>,

    /// Check the new revision before it serves users, then at growing shares of the requests; put
    /// the traffic back if a check fails [default for public services].
    #[arg(long, conflicts_with_all = ["fast", "no_verify", "no_traffic", "canary", "verb"])]
    pub safe: bool,

    /// Send all requests to the new revision at once, and check it afterwards.
    #[arg(long, conflicts_with_all = ["no_traffic", "canary", "verb"])]
    pub fast: bool,

    /// With a checked release: the shares of the requests to check at [default: `release-steps`
    /// in Cargo.toml, or 10].
    #[arg(long, value_name = "PERCENT,…", value_delimiter = ',', conflicts_with_all = ["fast", "no_verify", "no_traffic", "canary", "verb"])]
    pub steps: Vec<u8>,

    /// Do not check the deployed service.
    #[arg(long)]
    pub no_verify: bool,

    /// Accept all changes of the tools, resources and prompts since mcpo.lock, and write that file.
    #[arg(long, conflicts_with_all = ["no_verify", "dry_run", "rollback"])]
    pub accept_changes: bool,

    /// Send all requests to the latest revision.
    #[arg(long, group = "verb")]
    pub promote: bool,

    /// Send all requests to an earlier revision [default: the one that served all requests before;
    /// during a canary, this undoes the canary].
    #[arg(long, value_name = "REVISION", group = "verb", num_args = 0..=1, default_missing_value = "")]
    pub rollback: Option<String>,

    /// Print the service's logs.
    #[arg(long, group = "verb")]
    pub logs: bool,

    /// With --logs: keep printing new entries.
    #[arg(long, requires = "logs")]
    pub follow: bool,

    /// Print the generated password from Secret Manager.
    #[arg(long, group = "verb")]
    pub show_password: bool,

    /// Show the service's revisions and URLs.
    #[arg(long, group = "verb")]
    pub status: bool,

    /// Delete the service and everything that was created for it.
    #[arg(long, groups = ["verb", "asks"])]
    pub delete: bool,

    /// With --delete or --adopt: do not ask for confirmation.
    #[arg(long, requires = "asks")]
    pub yes: bool,

    /// Impersonate this service account.
    #[arg(long, value_name = "EMAIL")]
    pub impersonate_service_account: Option<String>,

    /// Print the result as JSON on stdout.
    #[arg(long)]
    pub json: bool,
}
