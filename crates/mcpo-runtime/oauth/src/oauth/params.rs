//! Parses request parameters as RFC 6749 §3.1 requires: no parameter may occur twice, and an empty
//! one counts as omitted.

use std::collections::BTreeMap;

use super::error::OAuthError;
use crate::login::LoginInput;

/// The longest accepted query or form, in bytes. Client ids are sealed and can take several
/// kilobytes, and some clients send a `state` of more than 400 characters.
pub(crate) const MAX_LEN: usize = 32 * 1024;

/// The parameters of a query or of a form body. All of them are unverified.
#[derive(Debug)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    pub(crate) fn parse(unverified: &[u8]) -> Result<Self, OAuthError> {
        if unverified.len() > MAX_LEN {
            return Err(OAuthError::invalid_request("the parameters are too long"));
        }
        let mut params = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(unverified) {
            if value.is_empty() {
                continue;
            }
            let (name, value) = (name.into_owned(), value.into_owned());
            if params.insert(name, value).is_some() {
                return Err(OAuthError::invalid_request("a parameter occurs twice"));
            }
        }
        Ok(Self(params))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn require(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name)
            .ok_or_else(|| OAuthError::invalid_request(format!("{name} is missing")))
    }
}

impl From<Params> for LoginInput {
    fn from(params: Params) -> Self {
        Self(params.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_parameter_is_refused_and_empty_one_is_absent() {
        let params = Params::parse(b"a=1&b=&b=2").unwrap();
        assert_eq!(
            (params.get("a"), params.get("b"), params.get("c")),
            (Some("1"), Some("2"), None)
        );
        assert!(Params::parse(b"a=1&a=1").is_err());
        assert!(Params::parse(&vec![b'a'; MAX_LEN + 1]).is_err());
    }
}
