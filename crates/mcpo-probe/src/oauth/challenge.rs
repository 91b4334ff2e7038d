//! The challenge of a 401 or 403 response (`WWW-Authenticate`).

use http_auth::parser::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use crate::credentials::Scopes;

/// The bearer challenge of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// `resource_metadata` as written: not yet a URL that may be fetched.
    pub unverified_metadata: Option<String>,
    pub scopes: Scopes,
    pub error: Option<String>,
}

impl Challenge {
    /// Returns the first bearer challenge among all `WWW-Authenticate` headers.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| {
                ChallengeParser::new(value)
                    .map_while(Result::ok)
                    .collect::<Vec<_>>()
            })
            .find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))
            .map(|challenge| {
                let parameter = |name: &str| {
                    let mut found = challenge
                        .params
                        .iter()
                        .filter(|(key, _)| key.eq_ignore_ascii_case(name));
                    found.next().map(|(_, value)| value.to_unescaped())
                };
                Self {
                    unverified_metadata: parameter("resource_metadata"),
                    scopes: parameter("scope")
                        .map(|scope| Scopes::parse(&scope))
                        .unwrap_or_default(),
                    error: parameter("error"),
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, value.parse().unwrap());
        Challenge::from_headers(&headers)
    }

    #[test]
    fn the_bearer_challenge_is_found_among_others() {
        let challenge = parse(
            r#"Basic realm="x, Bearer", Bearer error="invalid_token", scope="a b a", resource_metadata="https://h/m""#,
        );
        assert_eq!(
            challenge,
            Some(Challenge {
                unverified_metadata: Some("https://h/m".to_owned()),
                scopes: Scopes::parse("a b"),
                error: Some("invalid_token".to_owned()),
            })
        );
    }

    #[test]
    fn a_bare_scheme_is_a_challenge_and_rubbish_is_none() {
        assert_eq!(parse("Bearer"), Some(Challenge::default()));
        assert_eq!(parse("Basic realm=\"x\""), None);
        assert_eq!(parse("\"\"\","), None);
    }
}
