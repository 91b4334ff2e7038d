//! Redacts requests and responses for display: a secret is replaced by its name and length.

use std::cell::RefCell;

use mcpo_common::secret::Secret;
use serde_json::Value;
use url::Url;

/// The shortest value that is remembered: shorter ones also occur where they are not secret.
const TELLING: usize = 8;
/// The most secrets that are remembered: more than any probe meets.
const REMEMBERED: usize = 2_000;

/// Values that were seen under the name of a secret, so that they are recognized everywhere.
#[derive(Debug, Default)]
pub struct Secrets(RefCell<Vec<(String, String)>>);

/// Returns true if the value called `name`, in a header, a form or JSON, is a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let exact = [
        "code",
        "state",
        "nonce",
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "token",
        "mcp-session-id",
        "cf-access-jwt-assertion",
    ];
    let ends = [
        "-token",
        "-verifier",
        "-secret",
        "assertion",
        "password",
        "passwd",
        "api-key",
        "apikey",
        "csrf",
    ];
    exact.contains(&name.as_str())
        || ends.iter().any(|end| name.ends_with(end))
        || name.contains("csrf")
}

impl Secrets {
    /// Remembers `value` and returns its replacement, with the name under which it was first seen.
    pub fn cut(&self, name: &str, value: &str) -> String {
        let mut known = self.0.borrow_mut();
        if let Some((_, shown)) = known.iter().find(|(other, _)| other == value) {
            return shown.clone();
        }
        let shown = format!("<{name}: {} characters>", value.chars().count());
        if value.len() >= TELLING && known.len() < REMEMBERED {
            known.push((value.to_owned(), shown.clone()));
        }
        shown
    }

    /// Returns the secrets.
    pub fn values(self) -> Vec<Secret> {
        let known = self.0.into_inner().into_iter();
        known.map(|(value, _)| Secret::new(value)).collect()
    }

    /// Replaces every known secret in `text`.
    pub fn hide(&self, mut text: String) -> String {
        for (value, shown) in self.0.borrow().iter() {
            if text.contains(value) {
                text = text.replace(value, shown);
            }
        }
        text
    }

    /// Redacts a URL: its query may contain codes.
    pub fn url(&self, url: &Url) -> String {
        let mut shown = url.clone();
        let Some(query) = url.query() else {
            return self.hide(shown.into());
        };
        shown.set_query(None);
        format!("{}?{}", self.hide(shown.into()), self.form(query))
    }

    /// Redacts form-encoded text.
    pub fn form(&self, text: &str) -> String {
        let pairs = text.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if is_secret(name) && !value.is_empty() {
                let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
                let decoded = decoded.map_or_else(String::new, |(_, value)| value.into_owned());
                // Remember both spellings: later messages may use the other one.
                self.cut(name, value);
                format!("{name}={}", self.cut(name, &decoded))
            } else {
                pair.to_owned()
            }
        });
        self.hide(pairs.collect::<Vec<_>>().join("&"))
    }

    /// Redacts a header's value, except for the scheme of credentials.
    pub fn header(&self, name: &str, value: &str) -> String {
        if name.eq_ignore_ascii_case("location") {
            return match Url::parse(value) {
                Ok(url) => self.url(&url),
                Err(_) => match value.split_once('?') {
                    Some((path, query)) => format!("{path}?{}", self.form(query)),
                    None => self.hide(value.to_owned()),
                },
            };
        }
        if !is_secret(name) {
            return self.hide(value.to_owned());
        }
        match (name.to_ascii_lowercase().as_str(), value.split_once(' ')) {
            ("authorization" | "proxy-authorization", Some((scheme, rest))) => {
                format!("{scheme} {}", self.cut(name, rest))
            }
            ("set-cookie" | "cookie", _) => {
                let (cookie, flags) = value.split_once(';').unwrap_or((value, ""));
                let (own, value) = cookie.split_once('=').unwrap_or((cookie, ""));
                let flags = if flags.is_empty() {
                    String::new()
                } else {
                    format!(";{flags}")
                };
                format!("{own}={}{flags}", self.cut(own, value))
            }
            _ => self.cut(name, value),
        }
    }

    /// Redacts JSON at any depth.
    pub fn json(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if is_secret(name) && !text.is_empty() => {
                            *text = self.cut(name, text);
                        }
                        other => self.json(other),
                    }
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.json(element)),
            Value::String(text) => *text = self.hide(std::mem::take(text)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use url::Url;

    use super::{Secrets, is_secret};

    #[test]
    fn only_names_of_secrets_are_redacted() {
        for name in [
            "token_type",
            "token_endpoint",
            "code_challenge",
            "code_challenge_methods_supported",
            "client_id",
            "keys",
        ] {
            assert!(!is_secret(name), "{name}");
        }
        for name in [
            "access_token",
            "X-Api-Key",
            "client_secret",
            "code_verifier",
            "Set-Cookie",
            "csrf_value",
            "client_assertion",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn secrets_are_redacted_in_urls_text_json_and_headers() {
        let secrets = Secrets::default();
        let url = Url::parse("https://h/cb?code=abc%2Bdefghijklm&iss=x").unwrap();
        assert_eq!(
            secrets.url(&url),
            "https://h/cb?code=<code: 14 characters>&iss=x"
        );
        assert_eq!(
            secrets.hide("the code abc+defghijklm again".to_owned()),
            "the code <code: 14 characters> again"
        );
        let mut body = json!({"a": [{"access_token": "0123456789abcdef"}], "n": {"code": -1}});
        secrets.json(&mut body);
        assert_eq!(
            body,
            json!({"a": [{"access_token": "<access_token: 16 characters>"}], "n": {"code": -1}})
        );
        assert_eq!(
            secrets.header("Authorization", "Bearer 0123456789abcdef"),
            "Bearer <access_token: 16 characters>"
        );
        assert_eq!(
            secrets.header("set-cookie", "sid=secretsecretsecret; Path=/; HttpOnly"),
            "sid=<sid: 18 characters>; Path=/; HttpOnly"
        );
    }
}
