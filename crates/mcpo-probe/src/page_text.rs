//! The title and the visible text of a page, for reports.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use mcpo_common::text::clean_to;

use crate::html::attribute;

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

/// Returns the text of the first alert of a page: what the page says went wrong.
pub fn alert(html: &str) -> Option<String> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    // The name of the alert's element, and how many such elements are open in it.
    let mut open: Option<(Vec<u8>, usize)> = None;
    let mut text = String::new();
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match (token, &mut open) {
            (Token::StartTag(tag), None) if is_alert(&tag) => {
                open = Some((tag.name.to_vec(), 1));
            }
            (Token::StartTag(tag), Some((name, depth))) if **name == **tag.name => *depth += 1,
            (Token::EndTag(tag), Some((name, depth))) if **name == **tag.name => {
                *depth -= 1;
                if *depth == 0 {
                    break;
                }
            }
            (Token::String(part), Some(_)) => append(&mut text, &String::from_utf8_lossy(&part)),
            _ => {}
        }
    }
    (!text.is_empty()).then(|| clean_to(&text, SHOWN))
}

/// Returns true if the element announces a problem (WAI-ARIA 1.2), or has a usual class for it.
fn is_alert(tag: &StartTag<()>) -> bool {
    const CLASSES: [&str; 4] = ["alert", "alarm", "error", "alert-danger"];
    let classes = attribute(tag, b"class").unwrap_or_default();
    let mut classes = classes.split_whitespace();
    attribute(tag, b"role").is_some_and(|role| role == "alert")
        || classes.any(|class| CLASSES.contains(&class))
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
    use super::{PageText, alert, summary};

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

    #[test]
    fn an_alert_is_read_with_its_inner_elements() {
        let page =
            "<p>Sign in</p><div class=alert><div>Too many <b>attempts</b>.</div> Wait.</div>no";
        assert_eq!(alert(page).as_deref(), Some("Too many attempts . Wait."));
        assert_eq!(
            alert("<p role=alert>Wrong password</p>").as_deref(),
            Some("Wrong password")
        );
        assert_eq!(
            alert("<script>'<p role=alert>x</p>'</script><p>y</p>"),
            None
        );
    }
}
