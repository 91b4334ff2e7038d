//! Reads the elements of a page.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

/// Returns the start tags of a page, in order. Markup inside scripts and text areas does not count.
pub fn start_tags(html: &str) -> impl Iterator<Item = StartTag<()>> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).filter_map(|token| match token {
        Ok(Token::StartTag(tag)) => Some(tag),
        Ok(_) => None,
    })
}

/// Returns the value of an attribute.
pub fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    let value = tag.attributes.get(name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}
