//! Readable traces of requests and responses, and the curl command that repeats a request.

use std::fmt::Write as _;

use crate::http::{Messages, Sent};

/// Returns one request and its response as lines.
pub fn lines(sent: &Sent) -> Vec<String> {
    let time = sent.elapsed.as_secs_f64() * 1_000.0;
    let mut lines = vec![format!("> {} {}", sent.method, sent.url)];
    let detail = sent.detail.as_deref();
    if let Some(detail) = detail {
        message(
            &mut lines,
            '>',
            &detail.asked_headers,
            detail.asked_body.as_deref(),
        );
    }
    lines.push(match &sent.outcome {
        Ok(_) => format!("< {} after {time:.1} ms", sent.came()),
        Err(error) => format!("< {error}, after {time:.1} ms"),
    });
    if let Some(detail) = detail {
        message(
            &mut lines,
            '<',
            &detail.came_headers,
            detail.came_body.as_deref(),
        );
        lines.extend(curl(sent, detail).map(|command| format!("$ {command}")));
    }
    lines.push(String::new());
    lines
}

fn message(lines: &mut Vec<String>, mark: char, headers: &[(String, String)], body: Option<&str>) {
    let headers = headers
        .iter()
        .map(|(name, value)| format!("{mark} {name}: {value}"));
    lines.extend(headers);
    if let Some(body) = body {
        lines.push(format!("{mark} {body}"));
    }
}

/// Returns the curl command that repeats the request; secrets become shell variables. A message to a
/// local server has none.
#[must_use]
pub fn curl(sent: &Sent, detail: &Messages) -> Option<String> {
    if sent.is_stdio() {
        return None;
    }
    let mut command = format!("curl -sS -i -X {} {}", sent.method, quoted(&sent.url));
    for (name, value) in &detail.asked_headers {
        // Writing to a String cannot fail.
        let _ = write!(command, " -H {}", quoted(&format!("{name}: {value}")));
    }
    if let Some(body) = &detail.asked_body {
        let _ = write!(command, " --data-raw {}", quoted(body));
    }
    Some(command)
}

/// Puts `text` in single quotes; redacted values become `"$CUT_NAME"`.
fn quoted(text: &str) -> String {
    let mut quoted = "'".to_owned();
    let mut rest = text;
    while let Some((before, name, after)) = next_cut(rest) {
        quoted.push_str(&before.replace('\'', r"'\''"));
        // A server can send text that looks redacted, so the variable must not be one that the user
        // has.
        let _ = write!(quoted, "'\"$CUT_{name}\"'");
        rest = after;
    }
    quoted.push_str(&rest.replace('\'', r"'\''"));
    quoted.push('\'');
    quoted
}

/// Finds the first `<name: 12 characters>` in a text, and returns it as a variable name.
fn next_cut(text: &str) -> Option<(&str, String, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find('<') {
        let start = from + found;
        let inner = text[start + 1..].split_once('>');
        if let Some((inner, after)) = inner
            && let Some((name, length)) = inner.split_once(": ")
            && let Some(number) = length.strip_suffix(" characters")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            let variable = |character: char| match character {
                letter if letter.is_ascii_alphanumeric() => letter.to_ascii_uppercase(),
                _ => '_',
            };
            return Some((&text[..start], name.chars().map(variable).collect(), after));
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn redacted_values_become_variables_and_other_text_is_quoted() {
        assert_eq!(
            quoted("authorization: Bearer <access_token: 12 characters>"),
            r#"'authorization: Bearer '"$CUT_ACCESS_TOKEN"''"#
        );
        assert_eq!(
            quoted("it's $HOME `id` <b> <a`id`: 3 characters>"),
            r#"'it'\''s $HOME `id` <b> '"$CUT_A_ID_"''"#
        );
    }
}
