//! The proxy from the environment, as the HTTP client uses it.

use std::{env, time::Duration};

use mcpo_common::error::{Failure, Outcome};
use url::{Host, Url};

/// The timeout for a connection to the proxy. Proxies are usually close to the client.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(2500);
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// A representative URL of Google's APIs, to check whether the proxy applies to them.
const GOOGLE: &str = "https://run.googleapis.com";

/// The proxy's address. The user name and the password in the variable are not stored.
#[derive(Clone, Debug)]
pub struct Proxy {
    variable: &'static str,
    host: String,
    port: u16,
    exceptions: Vec<String>,
}

impl Proxy {
    /// Reads the proxy variables.
    pub fn from_env() -> Option<Self> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let (variable, value) = VARIABLES
            .iter()
            .find_map(|name| Some((*name, set(name)?)))?;
        let text = if value.contains("://") {
            value
        } else {
            format!("http://{value}")
        };
        let url = Url::parse(&text).ok()?;
        let port = url.port_or_known_default().unwrap_or(1080);
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let exceptions = set("NO_PROXY")
            .or_else(|| set("no_proxy"))
            .unwrap_or_default();
        Some(Self {
            variable,
            host,
            port,
            exceptions: exceptions
                .split(',')
                .map(|name| name.trim().trim_start_matches('.').to_lowercase())
                .filter(|name| !name.is_empty())
                .collect(),
        })
    }

    /// Returns true if requests to `url` go through the proxy.
    pub fn applies_to(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        let host = url.host_str().unwrap_or_default().to_lowercase();
        let is_exception = |name: &String| {
            name == "*"
                || host == *name
                || host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.ends_with('.'))
        };
        url.scheme() == "https" && !self.exceptions.iter().any(is_exception)
    }

    /// Connects to the proxy once.
    pub async fn check(&self) -> Outcome<()> {
        if !self.applies_to(GOOGLE) {
            return Ok(());
        }
        let connecting = tokio::net::TcpStream::connect((self.host.as_str(), self.port));
        let why = match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {} ms", CONNECT_TIMEOUT.as_millis()),
        };
        let what = format!(
            "the proxy {}:{} from {} is unreachable",
            self.host, self.port, self.variable
        );
        Err(Failure::new(what)
            .because(&std::io::Error::other(why))
            .hint(format!(
                "start the proxy, correct {}, or unset it",
                self.variable
            )))
    }
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    #[test]
    fn proxy_exceptions_include_subdomains() {
        let proxy = Proxy {
            variable: "HTTPS_PROXY",
            host: "proxy".to_owned(),
            port: 1,
            exceptions: vec!["127.0.0.1".to_owned(), "example.com".to_owned()],
        };
        for (url, expected) in [
            ("https://oauth2.googleapis.com/token", true),
            ("https://example.com/", false),
            ("https://a.example.com/", false),
            ("https://notexample.com/", true),
            ("http://oauth2.googleapis.com/token", false),
            ("https://127.0.0.1/token", false),
        ] {
            assert_eq!(proxy.applies_to(url), expected, "{url}");
        }
    }
}
