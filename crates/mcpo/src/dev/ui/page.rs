//! The page: one document with its style and its script, and nothing from other origins.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};

const DOCUMENT: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In the order in which the parts use each other.
const SCRIPTS: [&str; 4] = [
    include_str!("page/elements.js"),
    include_str!("page/flow.js"),
    include_str!("page/calls.js"),
    include_str!("page/form.js"),
];
const START: &str = include_str!("page/start.js");

/// The document and its policy.
pub struct Page {
    pub document: String,
    policy: String,
}

impl Page {
    pub fn new() -> Self {
        let script = format!("\"use strict\";\n{}\n{START}", SCRIPTS.join("\n"));
        Self::assemble(DOCUMENT, STYLE, &script)
    }

    fn assemble(document: &str, style: &str, script: &str) -> Self {
        // A checkout on Windows may have other line ends. The parser of HTML replaces them before
        // the style and the script are hashed.
        let [document, style, script] =
            [document, style, script].map(|text| text.replace("\r\n", "\n"));
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'",
            hash(&style),
            hash(&script),
        );
        let document = document
            .replace("/* style */", &style)
            .replace("/* script */", &script);
        Self { document, policy }
    }

    /// Adds the headers that every response has.
    pub fn protect(&self, headers: &mut HeaderMap) {
        for (name, value) in [
            (header::CONTENT_SECURITY_POLICY, &*self.policy),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (
                header::HeaderName::from_static("cross-origin-opener-policy"),
                "same-origin",
            ),
            (
                header::HeaderName::from_static("cross-origin-resource-policy"),
                "same-origin",
            ),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn the_page_is_one_document_without_other_resources() {
        let page = Page::new();
        assert!(!page.document.contains("/* script */"));
        assert!(!page.document.contains("/* style */"));
        for forbidden in [
            "http://",
            "https://",
            " src=",
            "innerHTML",
            "eval(",
            "onclick",
        ] {
            assert!(!page.document.contains(forbidden), "{forbidden}");
        }
        // A closing tag in a script would end the script.
        assert_eq!(page.document.matches("</script>").count(), 1);
    }

    #[test]
    fn the_hashes_do_not_depend_on_line_ends() {
        let pages = ["\r\n", "\n"].map(|end| {
            let document = format!("<style>/* style */</style>{end}<script>/* script */</script>");
            let page = Page::assemble(&document, &format!("a{end}b"), &format!("c{end}d"));
            (page.document, page.policy)
        });
        assert_eq!(pages[0], pages[1]);
    }
}
