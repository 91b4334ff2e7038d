//! Connection flags: additional headers and cookies, certificates to trust, addresses of names.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;
use mcpo_common::error::{Failure, Outcome};
use mcpo_probe::Connection;
use reqwest::header::{HeaderName, HeaderValue};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use url::Url;

/// Flags that change requests and connections.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Header to add to every request to the server's own origin, and to no other.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,

    /// Cookie from your browser; if the sign-in is at another origin, put that origin and a space
    /// in front.
    #[arg(long = "cookie", value_name = "NAME=VALUE")]
    cookies: Vec<String>,

    /// File with certificates (PEM) to trust in addition to the public authorities.
    #[arg(long, value_name = "FILE")]
    ca: Vec<PathBuf>,

    /// IP address to use for a host name, without asking DNS; HOST:PORT:ADDRESS, as in curl, is
    /// also accepted.
    #[arg(long, value_name = "HOST:ADDRESS", value_parser = resolve)]
    resolve: Vec<(String, IpAddr)>,
}

impl ConnectionArgs {
    pub fn checked(self, target: &Url) -> Outcome<Connection> {
        let mut connection = Connection::default();
        connection.headers = self.headers;
        connection.resolve = self.resolve;
        for text in &self.cookies {
            connection.cookies.push(cookie(text, target)?);
        }
        for path in &self.ca {
            let failed = || Failure::new(format!("failed to read --ca {}", path.display()));
            let hint =
                "the file must contain certificates between BEGIN CERTIFICATE and END CERTIFICATE";
            let found = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| failed().because(&error).hint(hint))?;
            if found.is_empty() {
                return Err(failed().hint(hint));
            }
            connection.roots.extend(found);
        }
        Ok(connection)
    }
}

/// Parses `Name: value`, as curl does.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("no colon; write Name: value")?;
    let name = HeaderName::try_from(name.trim()).map_err(|error| error.to_string())?;
    let mut value = HeaderValue::try_from(value.trim()).map_err(|error| error.to_string())?;
    // Most headers that users add are keys.
    value.set_sensitive(true);
    Ok((name, value))
}

/// The text may be a secret, so errors do not repeat it.
fn cookie(text: &str, target: &Url) -> Outcome<(Url, String)> {
    let (origin, pair) = match text.split_once(' ') {
        Some((origin, pair)) => (Url::parse(origin).ok(), pair.trim()),
        None => (Some(target.clone()), text),
    };
    let failed = || {
        Failure::new("failed to read --cookie")
            .hint("for example: --cookie 'sid=…', or --cookie 'https://login.example.com sid=…'")
    };
    let origin = origin.filter(Url::has_host).ok_or_else(failed)?;
    let plain = !pair.contains([';', '\r', '\n']);
    match pair.split_once('=') {
        Some((name, _)) if plain && !name.is_empty() => Ok((origin, pair.to_owned())),
        _ => Err(failed()),
    }
}

fn resolve(text: &str) -> Result<(String, IpAddr), String> {
    let hint = "write HOST:ADDRESS, such as example.com:127.0.0.1";
    let (host, rest) = text.split_once(':').ok_or(hint)?;
    let parse = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>();
    let address = parse(rest).or_else(|_| match rest.split_once(':') {
        Some((port, address)) if port.parse::<u16>().is_ok() => parse(address),
        _ => parse(rest),
    });
    let address = address.map_err(|_| hint.to_owned())?;
    if host.is_empty() {
        return Err(hint.to_owned());
    }
    Ok((host.to_lowercase(), address))
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{cookie, header, resolve};

    #[test]
    fn names_are_resolved_with_and_without_a_port() {
        let here = ("h".to_owned(), "127.0.0.1".parse().unwrap());
        assert_eq!(resolve("H:127.0.0.1").unwrap(), here);
        assert_eq!(resolve("h:443:127.0.0.1").unwrap(), here);
        assert_eq!(resolve("h:443:[::1]").unwrap().1.to_string(), "::1");
        assert_eq!(resolve("h:::1").unwrap().1.to_string(), "::1");
        assert!(resolve("h").is_err() && resolve(":1.1.1.1").is_err() && resolve("h:x").is_err());
    }

    #[test]
    fn cookies_belong_to_an_origin() {
        let target = Url::parse("https://h/mcp").unwrap();
        let (url, pair) = cookie("sid=a=b", &target).unwrap();
        assert_eq!((url.as_str(), pair.as_str()), ("https://h/mcp", "sid=a=b"));
        let (url, pair) = cookie("https://login.h sid=1", &target).unwrap();
        assert_eq!((url.as_str(), pair.as_str()), ("https://login.h/", "sid=1"));
        for bad in ["sid", "=1", "a=1; Domain=x", "nowhere sid=1"] {
            assert!(cookie(bad, &target).is_err(), "{bad}");
        }
    }

    #[test]
    fn header_values_are_redacted() {
        let (name, value) = header("X-Key:  abc ").unwrap();
        assert_eq!((name.as_str(), value.as_bytes()), ("x-key", &b"abc"[..]));
        assert!(value.is_sensitive() && header("no colon").is_err() && header("a b: c").is_err());
    }
}
