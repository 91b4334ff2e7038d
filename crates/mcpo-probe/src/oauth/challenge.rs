//! The challenge of a 401 or 403 response (`WWW-Authenticate`).

use http_auth::{ChallengeRef, parser::ChallengeParser};
use mcpo_common::text::clean;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use crate::credentials::Scopes;

/// The bearer challenge of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// `resource_metadata` as written: not yet a URL that may be fetched.
    pub unverified_metadata: Option<String>,
    pub scopes: Scopes,
    pub error: Option<String>,
    /// What is wrong with the header, in the words of the report. Clients read such headers
    /// differently.
    pub flaws: Vec<String>,
}

impl Challenge {
    /// Returns the bearer challenge that names the metadata, or else the first one, among all
    /// `WWW-Authenticate` headers.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        let mut found: Vec<Self> = values.flat_map(read).collect();
        let count = found.len();
        let named = found
            .iter()
            .position(|challenge| challenge.unverified_metadata.is_some());
        let mut best = (count > 0).then(|| found.swap_remove(named.unwrap_or(0)))?;
        if count > 1 {
            let flaw = format!("{count} bearer challenges, and some clients read only the first");
            best.flaws.push(flaw);
        }
        Some(best)
    }

    /// Returns all `WWW-Authenticate` headers as they were received, for a report.
    pub fn received(headers: &HeaderMap) -> String {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let values = values.map(|value| clean(&String::from_utf8_lossy(value.as_bytes())));
        values.collect::<Vec<_>>().join("; ")
    }
}

/// Returns the bearer challenges of one header.
fn read(value: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    for challenge in ChallengeParser::new(value) {
        match challenge {
            Ok(challenge) if is_bearer(challenge.scheme) => found.push(of(&challenge)),
            Ok(_) => {}
            Err(_) => {
                found.extend(unquoted(value));
                break;
            }
        }
    }
    found
}

fn is_bearer(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("bearer")
}

fn of(challenge: &ChallengeRef<'_>) -> Challenge {
    let all = |name: &str| {
        let named = challenge.params.iter();
        let named = named.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named
            .map(|(_, value)| value.to_unescaped())
            .collect::<Vec<_>>()
    };
    let first = |name: &str| all(name).into_iter().next();
    // RFC 9110 §11.2: a parameter may occur once.
    let repeated = ["resource_metadata", "scope", "error"].into_iter();
    let repeated = repeated.filter(|name| all(name).len() > 1);
    Challenge {
        unverified_metadata: first("resource_metadata"),
        scopes: first("scope")
            .map(|scope| Scopes::parse(&scope))
            .unwrap_or_default(),
        error: first("error"),
        flaws: repeated
            .map(|name| format!("{name} occurs {} times", all(name).len()))
            .collect(),
    }
}

/// Reads a bearer challenge whose syntax is invalid, as lenient clients do: a URL without quotes.
fn unquoted(value: &str) -> Option<Challenge> {
    let is_scheme = value.get(..6).is_some_and(is_bearer);
    let (_, rest) = value
        .split_once("resource_metadata=")
        .filter(|_| is_scheme)?;
    let end = rest.find([',', ' ']).unwrap_or(rest.len());
    let url = rest.get(..end).filter(|url| !url.contains('"'))?;
    Some(Challenge {
        unverified_metadata: Some(url.to_owned()),
        flaws: vec!["the value of resource_metadata is not in quotes".to_owned()],
        ..Challenge::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::from_headers(&headers)
    }

    fn parse(value: &str) -> Option<Challenge> {
        parse_all(&[value])
    }

    #[test]
    fn bearer_challenge_is_found_among_others() {
        let challenge = parse(
            r#"Basic realm="x, Bearer", Bearer error="invalid_token", scope="a b a", resource_metadata="https://h/m""#,
        );
        assert_eq!(
            challenge,
            Some(Challenge {
                unverified_metadata: Some("https://h/m".to_owned()),
                scopes: Scopes::parse("a b"),
                error: Some("invalid_token".to_owned()),
                flaws: Vec::new(),
            })
        );
    }

    #[test]
    fn bare_scheme_is_a_challenge_and_invalid_text_is_not() {
        assert_eq!(parse("Bearer"), Some(Challenge::default()));
        assert_eq!(parse("Basic realm=\"x\""), None);
        assert_eq!(parse("\"\"\","), None);
        assert_eq!(parse(r#"Bearer resource_metadata="https://h"#), None);
    }

    #[test]
    fn repeated_parameters_are_flaws_and_the_first_one_is_used() {
        let challenge =
            parse(r#"Bearer resource_metadata="https://a", resource_metadata="https://b""#);
        let challenge = challenge.unwrap();
        assert_eq!(challenge.unverified_metadata.as_deref(), Some("https://a"));
        assert_eq!(challenge.flaws, ["resource_metadata occurs 2 times"]);
    }

    #[test]
    fn spaces_around_the_equals_sign_are_allowed() {
        let challenge = parse(r#"Bearer resource_metadata = "https://h/m""#).unwrap();
        assert_eq!(
            challenge.unverified_metadata.as_deref(),
            Some("https://h/m")
        );
        assert!(challenge.flaws.is_empty());
    }

    #[test]
    fn unquoted_url_is_accepted_and_reported_as_a_flaw() {
        let challenge = parse("Bearer resource_metadata=https://h/m, error=x").unwrap();
        assert_eq!(
            challenge.unverified_metadata.as_deref(),
            Some("https://h/m")
        );
        assert_eq!(challenge.flaws.len(), 1);
    }

    #[test]
    fn bearer_challenge_with_metadata_is_preferred() {
        let challenge = parse_all(&[
            r#"Bearer realm="gateway""#,
            r#"Bearer resource_metadata="https://h/m""#,
        ]);
        let challenge = challenge.unwrap();
        assert_eq!(
            challenge.unverified_metadata.as_deref(),
            Some("https://h/m")
        );
        assert_eq!(challenge.flaws.len(), 1);
    }
}
