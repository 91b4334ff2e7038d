//! Commands that mcpo prints for the user to paste.

/// Quotes a word for a POSIX shell: unchanged if that is safe, otherwise in single quotes. zsh reads
/// brackets as a pattern, and `=` at the start as the path of a program.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !word.is_empty() && !word.starts_with('=') && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_for_the_shell() {
        for word in ["a@b.c", "--limit=10%", "http://localhost:8080/mcp"] {
            assert_eq!(quoted(word), word);
        }
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("http://[::1]/mcp?a=b"), "'http://[::1]/mcp?a=b'");
        assert_eq!(quoted("=ls"), "'=ls'");
        assert_eq!(quoted(""), "''");
    }
}
