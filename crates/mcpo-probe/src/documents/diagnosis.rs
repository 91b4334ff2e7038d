//! Token responses that are wrong in a known way, beyond single members.

use serde_json::{Map, Value};

/// Returns what is wrong with a token response with status 200 that has no access token, and the
/// fix. Tokens are never quoted.
pub fn token_problem(response: &Map<String, Value>) -> Option<(String, &'static str)> {
    let has_token = |object: &Map<String, Value>| object.contains_key("access_token");
    if has_token(response) {
        return None;
    }
    if let Some(error) = response.get("error") {
        let is_code = |text: &&str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            text.len() < 60 && text.bytes().all(allowed)
        };
        let code = error.as_str().filter(is_code).unwrap_or("an error");
        let hint = "answer an error with 400 or 401: clients read an answer with 200 as tokens";
        return Some((
            format!("`error` is {code} in an answer with HTTP 200"),
            hint,
        ));
    }
    let nested = response
        .iter()
        .find(|(_, value)| value.as_object().is_some_and(has_token));
    let (name, _) = nested?;
    let hint = "move the members of RFC 6749 §5.1 to the top level of the answer";
    Some((
        format!("access_token is inside `{name}`, not at the top level"),
        hint,
    ))
}

/// Returns true if `scope` separates scopes by commas instead of spaces.
pub fn has_comma_separated_scopes(scope: &str) -> bool {
    let scope = scope.trim();
    !scope.contains(' ') && scope.split(',').filter(|part| !part.is_empty()).count() > 1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{has_comma_separated_scopes, token_problem};

    #[test]
    fn errors_and_nested_tokens_are_named() {
        let seen = |value: serde_json::Value| {
            token_problem(value.as_object().unwrap()).map(|(seen, _)| seen)
        };
        assert_eq!(
            seen(json!({"ok": false, "error": "bad_client_secret"})).unwrap(),
            "`error` is bad_client_secret in an answer with HTTP 200"
        );
        assert_eq!(
            seen(json!({"ok": true, "user": {"access_token": "secret"}})).unwrap(),
            "access_token is inside `user`, not at the top level"
        );
        assert_eq!(seen(json!({"access_token": "a", "error": "x"})), None);
        assert_eq!(seen(json!({})), None);
    }

    #[test]
    fn one_scope_with_a_comma_at_its_end_is_one_scope() {
        assert!(has_comma_separated_scopes("read,write"));
        assert!(!has_comma_separated_scopes("read write"));
        assert!(!has_comma_separated_scopes("read,"));
    }
}
