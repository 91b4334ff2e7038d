//! The addresses that a page refreshes or links to. Servers use these to return to programs outside
//! the browser, whose addresses are not allowed in a redirect after a form.

use url::Url;

use crate::html;

/// Returns every address that `html` refreshes to or links to.
pub fn all(html: &str, page: &Url) -> Vec<Url> {
    let addresses = html::start_tags(html).filter_map(|tag| match &**tag.name {
        b"a" => html::attribute(&tag, b"href"),
        b"meta" if is_refresh(html::attribute(&tag, b"http-equiv").as_deref()) => {
            let content = html::attribute(&tag, b"content").unwrap_or_default();
            let (_, address) = content.split_once("url=")?;
            Some(address.trim().trim_matches(['\'', '"']).to_owned())
        }
        _ => None,
    });
    addresses
        .filter_map(|address| page.join(&address).ok())
        .collect()
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
