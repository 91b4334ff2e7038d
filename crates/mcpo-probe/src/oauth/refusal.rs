//! Refusals of the authorization endpoint, explained by their codes and words. Authorization servers
//! put them into redirects, into error pages, and into pages with status 200.
//!
//! The codes and words are data (`refusals.json`).

use std::sync::LazyLock;

use serde::{Deserialize, de::IgnoredAny};
use url::Url;

/// One cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cause {
    /// Error codes in lower case, which only refusals contain. A `*` matches the rest of a code.
    codes: Vec<String>,
    /// Phrases in lower case, which other pages may contain too.
    words: Vec<String>,
    fix: String,
    /// The fix if the client id is the URL of a metadata document.
    fix_with_document: Option<String>,
    /// Where codes and words come from. Only tests read them.
    #[serde(rename = "sources")]
    _sources: IgnoredAny,
}

static CAUSES: LazyLock<Vec<Cause>> =
    // The file is compiled in, and a test parses it.
    LazyLock::new(|| serde_json::from_str(include_str!("refusals.json")).unwrap_or_default());

/// Returns true if `text` contains an error code: then it is a refusal with any status.
pub fn is_refusal(text: &str) -> bool {
    let text = text.to_lowercase();
    CAUSES.iter().any(|cause| cause.has_code_in(&text))
}

/// Returns the fix for a refusal with this text, if its cause is known. `request` is the refused
/// authorization request.
pub fn fix(text: &str, request: &Url) -> Option<String> {
    let text = text.to_lowercase();
    let mut causes = CAUSES.iter();
    let cause = causes.find(|cause| {
        let mut words = cause.words.iter();
        cause.has_code_in(&text) || words.any(|words| text.contains(words))
    })?;
    let requested = |name: &str| {
        let mut pairs = request.query_pairs();
        let pair = pairs.find(|(key, _)| key == name);
        pair.map_or_else(|| "none".into(), |(_, value)| value)
    };
    let has_document = requested("client_id").starts_with("https://");
    let with_document = cause.fix_with_document.as_ref().filter(|_| has_document);
    let names = ["redirect_uri", "client_id", "scope", "resource"];
    let template = with_document.unwrap_or(&cause.fix).clone();
    let fixed = names.iter().fold(template, |fix, name| {
        fix.replace(&format!("{{{name}}}"), &requested(name))
    });
    Some(fixed)
}

impl Cause {
    fn has_code_in(&self, text: &str) -> bool {
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let mut tokens = text.split(|character| !is_part(character));
        tokens.any(|token| {
            let mut codes = self.codes.iter();
            codes.any(|code| match code.strip_suffix('*') {
                Some(start) => token.starts_with(start),
                None => token == code,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::{CAUSES, fix, is_refusal};

    fn request() -> Url {
        let url = "https://as/authorize?client_id=c1&redirect_uri=https%3A%2F%2Fc%2Fcb&scope=a+b";
        Url::parse(url).unwrap()
    }

    #[test]
    fn every_cause_has_a_sign_and_a_source() {
        assert!(CAUSES.len() > 5);
        for cause in CAUSES.iter() {
            assert!(!cause.codes.is_empty() || !cause.words.is_empty());
            for sign in cause.codes.iter().chain(&cause.words) {
                assert_eq!(*sign, sign.to_lowercase());
            }
        }
        let file: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("refusals.json")).unwrap();
        for source in file
            .iter()
            .flat_map(|cause| cause["sources"].as_array().unwrap())
        {
            assert!(
                source["url"].is_string() && source["date"].is_string(),
                "{source}"
            );
        }
    }

    #[test]
    fn a_metadata_document_is_downloaded_and_not_registered() {
        let url = "https://as/authorize?client_id=https%3A%2F%2Fc.example%2Fclient.json";
        let words = "invalid_client the client's document is not usable: its host is unreachable";
        let fix = fix(words, &Url::parse(url).unwrap()).unwrap();
        assert!(
            fix.contains("metadata document (https://c.example/client.json)"),
            "{fix}"
        );
        assert!(fix.contains("connect to the host"), "{fix}");
    }

    #[test]
    fn the_words_of_authorization_servers_are_understood() {
        for (text, part) in [
            // Keycloak, oidc-provider, the Python SDK, Auth0.
            (
                "We are sorry... Invalid parameter: redirect_uri",
                "redirect URI https://c/cb",
            ),
            (
                "invalid_request Redirect URI 'https://c/cb' not allowed",
                "redirect URI",
            ),
            ("Callback URL mismatch.", "redirect URI"),
            (
                "invalid_client client is invalid",
                "client id that the client was given (c1)",
            ),
            ("Client ID 'c1' not found", "(c1)"),
            (
                "The Client is not allowed to request scope 'a'.",
                "scopes (a b)",
            ),
            (
                "invalid_target resource indicator is missing, or unknown",
                "the resource none",
            ),
            (
                "AADSTS9010010: The resource parameter doesn't match the scopes",
                "api://APP-ID",
            ),
            (
                "AADSTS90072: User account does not exist",
                "login.microsoftonline.com/error",
            ),
            ("invalid_request", "server's log"),
        ] {
            let fix = fix(text, &request()).unwrap();
            assert!(fix.contains(part), "{text}: {fix}");
        }
        assert_eq!(fix("Loading…", &request()), None);
    }

    #[test]
    fn only_codes_make_any_page_a_refusal() {
        assert!(is_refusal("Sorry. AADSTS50020: …") && is_refusal("(error=access_denied)"));
        assert!(!is_refusal("Your client id is shown under Settings"));
        assert!(!is_refusal("my_invalid_request_log"));
    }
}
