//! Redacts requests and responses for display: a secret is replaced by its name and length.

use std::cell::RefCell;

use mcpo_common::secret::Secret;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, USER_AGENT};
use serde_json::Value;
use url::Url;

/// The shortest value that is remembered: shorter ones also occur where they are not secret.
const SHORTEST: usize = 8;
/// What `mcpo_common::text::clean` writes where it cuts a text.
const CUT: char = '…';
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

/// Returns true if the value of the environment variable, option or query parameter called `name` is
/// a secret. Keys in JSON and in headers are often public.
pub fn is_secret_setting(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let ends = ["-key", "privatekey", "secretkey", "accesskey", "passphrase"];
    is_secret(&name)
        || ["password", "passwd", "secret", "key"].contains(&name.as_str())
        || ends.iter().any(|end| name.ends_with(end))
}

impl Secrets {
    /// Remembers `value` and returns its replacement, with the name under which it was first seen.
    pub fn cut(&self, name: &str, value: &str) -> String {
        let mut known = self.0.borrow_mut();
        if let Some((_, shown)) = known.iter().find(|(other, _)| other == value) {
            return shown.clone();
        }
        let shown = format!("<{name}: {} characters>", value.chars().count());
        if value.len() >= SHORTEST && known.len() < REMEMBERED {
            // Longer ones come first: a secret may be a part of another one.
            let place = known.partition_point(|(other, _)| other.len() >= value.len());
            known.insert(place, (value.to_owned(), shown.clone()));
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
        if text.contains(CUT) {
            text = self.hide_cut(&text);
        }
        for (value, shown) in self.0.borrow().iter() {
            if text.contains(value) {
                text = text.replace(value, shown);
            }
        }
        text
    }

    /// Replaces the starts of known secrets where a text was cut.
    fn hide_cut(&self, text: &str) -> String {
        let known = self.0.borrow();
        // Returns where the start of a secret begins that `part` ends with.
        let cut_secret = |part: &str| {
            known.iter().find_map(|(value, shown)| {
                let end = (SHORTEST..=value.len()).find(|end| value.is_char_boundary(*end))?;
                let start = &value[..end];
                let mut places = part.match_indices(start).map(|(place, _)| place);
                let place = places.find(|place| value.starts_with(&part[*place..]))?;
                Some((place, shown))
            })
        };
        let mut hidden = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((part, after)) = rest.split_once(CUT) {
            match cut_secret(part) {
                Some((place, shown)) => {
                    hidden.push_str(&part[..place]);
                    hidden.push_str(shown);
                }
                None => hidden.push_str(part),
            }
            hidden.push(CUT);
            rest = after;
        }
        hidden.push_str(rest);
        hidden
    }

    /// Redacts a URL: it may contain a password, and its query may contain codes.
    pub fn url(&self, url: &Url) -> String {
        let mut shown = url.clone();
        shown.set_query(None);
        // A URL without a host has no user; then nothing changes.
        let _ = shown.set_password(None).and(shown.set_username(""));
        let mut text: String = shown.into();
        let user = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) => Some(format!("{user}:{}@", self.cut("password", password))),
            (user, None) => Some(format!("{}@", self.cut("user", user))),
        };
        if let (Some(user), Some(start)) = (user, text.find("://")) {
            text.insert_str(start + "://".len(), &user);
        }
        let text = self.hide(text);
        match url.query() {
            Some(query) => format!("{text}?{}", self.query(query)),
            None => text,
        }
    }

    /// Redacts form-encoded text.
    pub fn form(&self, text: &str) -> String {
        self.pairs(text, is_secret)
    }

    /// Redacts the query of a URL. Some servers take the key of an account there.
    fn query(&self, text: &str) -> String {
        self.pairs(text, is_secret_setting)
    }

    fn pairs(&self, text: &str, is_secret: impl Fn(&str) -> bool) -> String {
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
                    Some((path, query)) => format!("{path}?{}", self.query(query)),
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

    /// Redacts a header of a request. All values that the user added are secrets, except a
    /// `User-Agent`.
    pub fn request_header(&self, name: &HeaderName, value: &HeaderValue) -> String {
        let text = String::from_utf8_lossy(value.as_bytes());
        if value.is_sensitive() && name != AUTHORIZATION && name != USER_AGENT {
            self.cut(name.as_str(), &text)
        } else {
            self.header(name.as_str(), &text)
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

    use super::{Secrets, is_secret, is_secret_setting};

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
    fn names_of_secret_settings_may_end_with_key() {
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "PRIVATE_KEY",
            "OPENAI_KEY",
            "--ssh-key",
        ] {
            assert!(is_secret_setting(name), "{name}");
        }
        for name in ["KEYBOARD", "MONKEY", "AWS_ACCESS_KEY_ID", "PATH"] {
            assert!(!is_secret_setting(name), "{name}");
        }
    }

    #[test]
    fn the_start_of_a_secret_is_redacted_where_a_text_was_cut() {
        let secrets = Secrets::default();
        secrets.cut("token", "0123456789abcdef");
        assert_eq!(
            secrets.hide("invalid 0123456789… (more)".to_owned()),
            "invalid <token: 16 characters>… (more)"
        );
        assert_eq!(secrets.hide("0123…; …".to_owned()), "0123…; …");
        // A secret that contains another one.
        secrets.cut("key", "0123456789abcdefghi");
        assert_eq!(
            secrets.hide("0123456789abcdefghi 0123456789abcdefg…".to_owned()),
            "<key: 19 characters> <key: 19 characters>…"
        );
    }

    #[test]
    fn passwords_in_urls_are_redacted() {
        let shown = |url: &str| Secrets::default().url(&Url::parse(url).unwrap());
        assert_eq!(
            shown("postgresql://u:pw@h/db?sslmode=require"),
            "postgresql://u:<password: 2 characters>@h/db?sslmode=require"
        );
        assert_eq!(shown("https://ghp_x@h/"), "https://<user: 5 characters>@h/");
        assert_eq!(shown("https://h/a?b=c"), "https://h/a?b=c");
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
