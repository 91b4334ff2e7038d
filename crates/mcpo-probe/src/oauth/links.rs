//! The addresses that a page refreshes or links to. Servers use these to return to programs outside
//! the browser, whose addresses are not allowed in a redirect after a form.

use html5gum::{Token, Tokenizer};
use url::Url;

/// Returns every address that `html` refreshes to or links to.
pub fn all(html: &str, page: &Url) -> Vec<Url> {
    let mut found = Vec::new();
    for token in Tokenizer::new(html) {
        let Ok(token) = token;
        let Token::StartTag(tag) = token else {
            continue;
        };
        let attribute = |name: &[u8]| {
            let value = tag.attributes.get(name)?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let address = match &**tag.name {
            b"a" => attribute(b"href"),
            b"meta" if is_refresh(attribute(b"http-equiv").as_deref()) => {
                let content = attribute(b"content").unwrap_or_default();
                let address = content.split_once("url=").map(|(_, url)| url.trim());
                address.map(|url| url.trim_matches(['\'', '"']).to_owned())
            }
            _ => None,
        };
        found.extend(address.and_then(|address| page.join(&address).ok()));
    }
    found
}

fn is_refresh(kind: Option<&str>) -> bool {
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("refresh"))
}

#[cfg(test)]
mod tests {
    use url::Url;

    #[test]
    fn refreshes_and_links_are_found() {
        let html = r#"<meta http-equiv=Refresh content="0; url=app://x/cb?code=1&amp;state=2"><a href="/b">B</a>"#;
        let page = Url::parse("https://h/a").unwrap();
        let found: Vec<String> = super::all(html, &page)
            .into_iter()
            .map(String::from)
            .collect();
        assert_eq!(found, ["app://x/cb?code=1&state=2", "https://h/b"]);
    }
}
