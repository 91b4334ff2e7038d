//! The arguments that decide where the server can be reached.

use std::net::IpAddr;

use clap::Args;

use super::TunnelChoice;

/// Where the server listens, and who can reach it.
#[derive(Debug, Args)]
pub struct ExposeArgs {
    /// Port to listen on; 0 selects a free port.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,

    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// Give the server a public URL through an installed tunnel program.
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, default_missing_value = "any", conflicts_with = "https")]
    pub tunnel: Option<TunnelChoice>,

    /// With --tunnel or --host: let anyone who can reach the server call its tools without signing
    /// in.
    #[arg(long)]
    pub open_to_anyone: bool,

    /// Serve https with a certificate for this machine, stored in .mcpo.
    #[arg(long)]
    pub https: bool,
}
