//! What a browser refuses on the way through the pages, and the probe would not notice.
//!
//! - `form-action` of a page's Content Security Policy also applies to the redirects after the form
//!   (Chromium; <https://www.w3.org/TR/CSP3/#directive-form-action>).
//! - Cookies whose flags contradict each other are not stored (RFC 6265bis §5.7).
//! - `SameSite=Strict` cookies are not sent when the client opens the page again (RFC 6265bis §5.2).

use content_security_policy::{
    CheckResult, CspList, Destination, Initiator, NavigationCheckType, ParserMetadata,
    PolicyDisposition, PolicySource, Request,
};
use cookie::{Cookie, SameSite};
use reqwest::header::{CONTENT_SECURITY_POLICY, SET_COOKIE};
use url::Url;

use crate::{html, http::Answer};

/// The policies of the page whose form was submitted last.
#[derive(Debug)]
pub struct FormPolicy {
    page: Url,
    policies: CspList,
    /// The redirects since the form: with them, paths of the policy are ignored.
    redirects: u32,
}

impl FormPolicy {
    /// Reads the policies of `page`, from its headers and its `<meta>` elements.
    pub fn of(page: &Answer) -> Self {
        let mut policies = CspList(Vec::new());
        let headers = page.headers.get_all(CONTENT_SECURITY_POLICY).iter();
        for value in headers.filter_map(|value| value.to_str().ok()) {
            policies.append(parse(value, PolicySource::Header));
        }
        for value in meta_policies(&page.text()) {
            policies.append(parse(&value, PolicySource::Meta));
        }
        Self {
            page: page.url.clone(),
            policies,
            redirects: 0,
        }
    }

    /// Returns why the browser would not go to `url`, the next address after the form or a redirect.
    pub fn refusal(&mut self, url: &Url) -> Option<String> {
        let mut request = Request {
            url: url.clone(),
            current_url: url.clone(),
            origin: self.page.origin(),
            redirect_count: self.redirects,
            destination: Destination::Document,
            initiator: Initiator::None,
            nonce: String::new(),
            integrity_metadata: String::new(),
            parser_metadata: ParserMetadata::None,
        };
        self.redirects += 1;
        let form = NavigationCheckType::FormSubmission;
        let keep = |script: &str| Some(script.to_owned());
        let policies = &self.policies;
        let (result, violations) =
            policies.should_navigation_request_be_blocked(&mut request, form, keep);
        let violation = violations
            .first()
            .filter(|_| result == CheckResult::Blocked)?;
        let sources = violation.directive.value.join(" ");
        let (page, to) = (bare(&self.page), bare(url));
        Some(format!(
            "the page at {page} has form-action {sources}: after its form, browsers do not go to {to}"
        ))
    }
}

/// Returns what a browser does not do with the cookies of `page`. The first page of the sign-in is
/// opened by the client, which is another site.
pub fn cookie_problems(page: &Answer) -> Vec<String> {
    let headers = page.headers.get_all(SET_COOKIE).iter();
    let cookies = headers.filter_map(|value| Cookie::parse(value.to_str().ok()?).ok());
    cookies.filter_map(|cookie| problem(&cookie)).collect()
}

fn problem(cookie: &Cookie<'_>) -> Option<String> {
    let name = cookie.name();
    let is_secure = cookie.secure() == Some(true);
    let is_of_host = cookie.path() == Some("/") && cookie.domain().is_none();
    if cookie.same_site() == Some(SameSite::None) && !is_secure {
        Some(format!(
            "the cookie {name} has SameSite=None without Secure: browsers drop it"
        ))
    } else if name.starts_with("__Secure-") && !is_secure {
        Some(format!("the cookie {name} has no Secure: browsers drop it"))
    } else if name.starts_with("__Host-") && !(is_secure && is_of_host) {
        Some(format!(
            "the cookie {name} needs Secure, Path=/ and no Domain: browsers drop it"
        ))
    } else if cookie.same_site() == Some(SameSite::Strict) {
        Some(format!(
            "the cookie {name} has SameSite=Strict: browsers do not send it when the client or a \
             sign-in provider leads the user back to this page"
        ))
    } else {
        None
    }
}

fn parse(value: &str, source: PolicySource) -> CspList {
    CspList::parse(value, source, PolicyDisposition::Enforce)
}

/// Returns the policies in the `<meta>` elements of a page.
fn meta_policies(page: &str) -> Vec<String> {
    let is_policy = |kind: &String| kind.eq_ignore_ascii_case("content-security-policy");
    html::start_tags(page)
        .filter(|tag| &**tag.name == b"meta")
        .filter(|tag| {
            html::attribute(tag, b"http-equiv")
                .as_ref()
                .is_some_and(is_policy)
        })
        .filter_map(|tag| html::attribute(&tag, b"content"))
        .collect()
}

/// Removes the query, which may contain secrets.
pub fn bare(url: &Url) -> Url {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    bare
}

#[cfg(test)]
mod tests {
    use reqwest::{
        StatusCode,
        header::{HeaderMap, HeaderValue},
    };

    use super::*;

    fn page(headers: &[(reqwest::header::HeaderName, &str)], body: &str) -> Answer {
        let pairs = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        Answer {
            url: Url::parse("https://as.example/authorize?x=1").unwrap(),
            status: StatusCode::OK,
            headers: pairs.collect::<HeaderMap>(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn is_refused(policy: &str, hops: &[&str]) -> bool {
        let page = page(&[(CONTENT_SECURITY_POLICY, policy)], "");
        let mut policy = FormPolicy::of(&page);
        let refused = |hop: &&str| policy.refusal(&Url::parse(hop).unwrap()).is_some();
        hops.iter().any(refused)
    }

    /// The client's redirect URI must be listed, or no policy set for forms.
    #[test]
    fn form_action_applies_to_every_redirect_after_the_form() {
        let hops = [
            "https://as.example/consent",
            "https://claude.ai/api/mcp/auth_callback?code=1",
        ];
        assert!(is_refused("form-action 'self'", &hops));
        assert!(is_refused("form-action 'none'", &hops));
        assert!(is_refused(
            "default-src 'none'; form-action 'self' https://claude.com",
            &hops
        ));
        assert!(!is_refused("form-action 'self' https://claude.ai", &hops));
        assert!(!is_refused("form-action 'self' https:", &hops));
        assert!(!is_refused(
            "form-action 'self' https://claude.ai/other",
            &hops
        ));
        assert!(!is_refused(
            "default-src 'none'; frame-ancestors 'none'",
            &hops
        ));
        assert!(is_refused(
            "form-action *",
            &["cursor://anysphere.cursor-mcp/oauth/callback"]
        ));
        assert!(!is_refused(
            "form-action 'self' cursor:",
            &["cursor://x/oauth/callback"]
        ));
    }

    #[test]
    fn policy_in_a_meta_element_is_used() {
        let script = r#"<script>'<meta http-equiv=Content-Security-Policy content="form-action x">'</script>"#;
        assert!(meta_policies(script).is_empty());
        let html = r#"<meta http-equiv=Content-Security-Policy content="form-action 'self'">"#;
        let mut policy = FormPolicy::of(&page(&[], html));
        let refusal = policy.refusal(&Url::parse("https://claude.ai/cb?code=secret").unwrap());
        let refusal = refusal.unwrap();
        assert!(
            refusal.contains("form-action 'self'") && !refusal.contains("secret"),
            "{refusal}"
        );
    }

    #[test]
    fn cookies_that_browsers_reject_or_withhold_are_reported() {
        let problems = |cookie: &str| cookie_problems(&page(&[(SET_COOKIE, cookie)], "")).len();
        assert_eq!(problems("a=1; SameSite=None"), 1);
        assert_eq!(problems("__Host-a=1; Secure; Path=/x"), 1);
        assert_eq!(problems("__Host-a=1; Secure; Path=/; Domain=as.example"), 1);
        assert_eq!(problems("__Secure-a=1"), 1);
        assert_eq!(problems("a=1; Path=/; HttpOnly; SameSite=Strict"), 1);
        assert_eq!(
            problems("__Host-a=1; Secure; Path=/; HttpOnly; SameSite=Lax"),
            0
        );
        assert_eq!(problems("a=1; Path=/"), 0);
    }
}
