//! The title and the visible text of a page, for reports.

use html5gum::{DefaultEmitter, Token, Tokenizer};
use mcpo_common::text::clean_to;

/// The most characters of a page that are shown.
const SHOWN: usize = 300;

/// Elements whose text is not shown on the page.
const HIDDEN: [&[u8]; 4] = [b"script", b"style", b"template", b"title"];

/// A page as a user reads it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageText {
    pub title: String,
    /// All visible words, separated by single spaces.
    pub text: String,
}

impl PageText {
    /// Reads a page.
    pub fn of(html: &str) -> Self {
        let mut page = Self::default();
        let mut hidden: Option<Vec<u8>> = None;
        let mut emitter = DefaultEmitter::default();
        // Otherwise markup inside scripts would count.
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) if HIDDEN.contains(&&**tag.name) => {
                    hidden = Some(tag.name.to_vec());
                }
                Token::EndTag(tag) if hidden.as_deref() == Some(&**tag.name) => hidden = None,
                Token::String(text) => {
                    let text = String::from_utf8_lossy(&text);
                    match hidden.as_deref() {
                        None => append(&mut page.text, &text),
                        Some(b"title") => append(&mut page.title, &text),
                        Some(_) => {}
                    }
                }
                _ => {}
            }
        }
        page
    }
}

fn append(words: &mut String, text: &str) {
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
}

/// Returns the title and the text of a page on one line, cut to 300 characters and without control
/// characters.
pub fn summary(html: &str) -> String {
    let PageText { title, text } = PageText::of(html);
    let shown = match (title.as_str(), text.as_str()) {
        ("", "") => "an empty page".to_owned(),
        ("", text) => format!("a page: {text}"),
        (title, "") => format!("a page “{title}”"),
        (title, text) => format!("a page “{title}”: {text}"),
    };
    clean_to(&shown, SHOWN)
}

#[cfg(test)]
mod tests {
    use super::{PageText, summary};

    #[test]
    fn scripts_and_styles_are_not_text() {
        let page = PageText::of(
            "<!doctype html><title>Sign&nbsp;in\n</title><style>p { color: red }</style>
             <h1>Sorry</h1><script>if (a < b) '</p>'</script><p>AADSTS9010010:<b>no</b>",
        );
        assert_eq!(page.title, "Sign in");
        assert_eq!(page.text, "Sorry AADSTS9010010: no");
    }

    #[test]
    fn a_summary_is_one_short_line() {
        assert_eq!(
            summary("<title>A</title><p>b\n\u{1b}[31m"),
            "a page “A”: b \\u{1b}[31m"
        );
        assert_eq!(summary("<script src=app.js></script>"), "an empty page");
        let long = summary(&"<p>word</p>".repeat(1_000));
        assert!(long.chars().count() <= 301 && long.ends_with('…'));
    }
}
