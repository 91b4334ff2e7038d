//! The arguments that decide where the server can be reached.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;

use super::TunnelChoice;

/// Where the server listens, and who can reach it.
#[derive(Debug, Args)]
pub struct ExposeArgs {
    /// Port to listen on; 0 selects a free port.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,

    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = address)]
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

/// Reads an address. `localhost` is the only name: mcpo listens on both of its addresses.
fn address(text: &str) -> Result<IpAddr, String> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    text.parse()
        .map_err(|_| "use an IP address of this machine, 0.0.0.0 or localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_and_localhost_are_accepted() {
        assert_eq!(address("LocalHost").unwrap().to_string(), "127.0.0.1");
        assert_eq!(address("::1").unwrap().to_string(), "::1");
        assert!(address("example.com").unwrap_err().contains("localhost"));
    }
}
