//! The supported tunnel programs: how each one is started, and how it reports its public address.

use clap::ValueEnum;
use mcpo_common::{
    error::{Failure, Outcome},
    process::has_program,
};
use serde_json::Value;
use url::Url;

/// A program that opens a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Provider {
    Cloudflared,
    Ngrok,
    Tailscale,
}

/// The tunnel program that the user asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TunnelChoice {
    /// The first one that is installed.
    Any,
    Cloudflared,
    Ngrok,
    Tailscale,
}

impl Provider {
    const ALL: [Self; 3] = [Self::Cloudflared, Self::Ngrok, Self::Tailscale];

    pub const fn program(self) -> &'static str {
        match self {
            Self::Cloudflared => "cloudflared",
            Self::Ngrok => "ngrok",
            Self::Tailscale => "tailscale",
        }
    }

    const fn installation(self) -> &'static str {
        match self {
            Self::Cloudflared => {
                "https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads/ (no account is needed)"
            }
            Self::Ngrok => "https://ngrok.com/download (needs a free account)",
            Self::Tailscale => "https://tailscale.com/download (needs a free account and Funnel)",
        }
    }

    /// Returns the requested program, if it is installed.
    pub fn choose(choice: TunnelChoice) -> Outcome<Self> {
        let wanted = match choice {
            TunnelChoice::Any => None,
            TunnelChoice::Cloudflared => Some(Self::Cloudflared),
            TunnelChoice::Ngrok => Some(Self::Ngrok),
            TunnelChoice::Tailscale => Some(Self::Tailscale),
        };
        let candidates = wanted.map_or_else(|| Self::ALL.to_vec(), |kind| vec![kind]);
        let found = candidates
            .iter()
            .find(|kind| has_program(kind.program()))
            .copied();
        found.ok_or_else(|| {
            let names: Vec<_> = candidates.iter().map(|kind| kind.program()).collect();
            let ways: Vec<_> = candidates
                .iter()
                .map(|kind| format!("{}: {}", kind.program(), kind.installation()))
                .collect();
            Failure::new(format!("not found on the PATH: {}", names.join(", ")))
                .hint(format!("install one; {}", ways.join("; ")))
        })
    }

    /// Returns the command line for a server that listens on `port`.
    pub fn arguments(self, port: u16) -> Vec<String> {
        let arguments: &[&str] = match self {
            Self::Cloudflared => &[
                "tunnel",
                "--no-autoupdate",
                "--url",
                "http://127.0.0.1:PORT",
            ],
            Self::Ngrok => &[
                "http",
                "127.0.0.1:PORT",
                "--log",
                "stdout",
                "--log-format",
                "json",
            ],
            Self::Tailscale => &["funnel", "127.0.0.1:PORT"],
        };
        let port = port.to_string();
        arguments
            .iter()
            .map(|argument| argument.replace("PORT", &port))
            .collect()
    }

    /// Returns the public address, if this line of the output contains it.
    pub fn address(self, line: &str) -> Option<String> {
        let text = match self {
            Self::Ngrok => {
                let line: Value = serde_json::from_str(line).ok()?;
                line["url"].as_str()?.to_owned()
            }
            Self::Cloudflared | Self::Tailscale => {
                let from = line.find("https://")?;
                let end = |c: char| c.is_whitespace() || c == '|' || c == '"';
                line[from..].split(end).next()?.to_owned()
            }
        };
        let url = Url::parse(&text).ok()?;
        let host = url.host_str()?;
        let is_its_own = match self {
            // The line with Cloudflare's terms of service, which contains another URL, comes first.
            Self::Cloudflared => {
                host.ends_with(".trycloudflare.com") && host != "api.trycloudflare.com"
            }
            Self::Ngrok => true,
            Self::Tailscale => host.ends_with(".ts.net"),
        };
        (is_its_own && url.scheme() == "https").then(|| url.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::Provider;

    #[test]
    fn the_url_is_found_in_the_output_of_each_program() {
        let found = |kind: Provider, lines: &[&str]| {
            let mut addresses = lines.iter().filter_map(|line| kind.address(line));
            (addresses.next(), addresses.next())
        };
        let cloudflared = [
            "2026-11-25T10:00:00Z INF Thank you for trying Cloudflare Tunnel. … terms of use (https://www.cloudflare.com/website-terms/)",
            "2026-11-25T10:00:00Z INF Requesting new quick Tunnel on trycloudflare.com...",
            "2026-11-25T10:00:00Z ERR failed to request quick Tunnel: Post \"https://api.trycloudflare.com/tunnel\": timeout",
            "2026-11-25T10:00:03Z INF |  https://some-words-in-a-row.trycloudflare.com                    |",
        ];
        assert_eq!(
            found(Provider::Cloudflared, &cloudflared),
            (
                Some("https://some-words-in-a-row.trycloudflare.com".into()),
                None
            )
        );
        let ngrok = [
            r#"{"lvl":"info","msg":"open config file","path":"/home/ada/.config/ngrok/ngrok.yml"}"#,
            r#"{"addr":"http://127.0.0.1:8080","lvl":"info","msg":"started tunnel","name":"command_line","url":"https://abcd.ngrok-free.app"}"#,
        ];
        assert_eq!(
            found(Provider::Ngrok, &ngrok),
            (Some("https://abcd.ngrok-free.app".into()), None)
        );
        let tailscale = [
            "Available on the internet:",
            "",
            "https://machine.tail1234.ts.net/",
            "|-- proxy http://127.0.0.1:8080",
            "Press Ctrl+C to exit.",
        ];
        assert_eq!(
            found(Provider::Tailscale, &tailscale),
            (Some("https://machine.tail1234.ts.net".into()), None)
        );
    }
}
