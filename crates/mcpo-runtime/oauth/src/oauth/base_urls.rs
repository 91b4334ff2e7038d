//! The closed set of the public URLs of this server.
//!
//! The URLs never come from a request. The `Host` of a request only selects one of a fixed set that
//! is made at start-up, because clients compare `resource` and `issuer` with the URL that the user
//! typed (RFC 9728 §3.3, RFC 8414 §3.3). On loopback, users type three different host names. A
//! service on Cloud Run also has several names: two default names, and `TAG---HOST` for each
//! revision with a tag.

use std::borrow::Cow;

use url::Url;

use super::{base_url::BaseUrl, paths};

/// The suffix of Cloud Run's default host names.
const CLOUD_RUN_DOMAIN: &str = ".run.app";
/// Separates the tag of a revision from the host name of its service.
const TAG_SEPARATOR: &str = "---";
/// The longest label of a host name (RFC 1035 §2.3.4).
const LABEL_LEN: usize = 63;

/// All base URLs of this server. The first one is shown to users.
#[derive(Clone, Debug)]
pub struct BaseUrls {
    urls: Vec<BaseUrl>,
    /// The Cloud Run host names. Each one also exists as `TAG---HOST`.
    taggable: Vec<String>,
}

impl BaseUrls {
    /// Creates the set of URLs. A loopback URL adds the other names of this machine. A public URL
    /// adds `others`, which are public and https.
    pub(crate) fn new(primary: BaseUrl, others: &[BaseUrl]) -> Self {
        let mut urls = vec![primary];
        if urls[0].loopback {
            let (scheme, port) = (if urls[0].https { "https" } else { "http" }, urls[0].port);
            for host in ["localhost", "127.0.0.1", "[::1]"] {
                let alias = BaseUrl::parse(&format!("{scheme}://{host}:{port}"));
                urls.extend(alias.ok().filter(|alias| *alias != urls[0]));
            }
            return Self {
                urls,
                taggable: Vec::new(),
            };
        }
        for other in others {
            if !urls.contains(other) {
                urls.push(other.clone());
            }
        }
        let taggable = others.iter().map(|url| url.authority.clone());
        Self {
            urls,
            taggable: taggable
                .filter(|host| host.ends_with(CLOUD_RUN_DOMAIN))
                .collect(),
        }
    }

    /// Returns the base URL that clients see first.
    pub fn primary(&self) -> &BaseUrl {
        &self.urls[0]
    }

    /// Returns the base URL whose authority matches a request's `Host`.
    pub(crate) fn for_host(&self, unverified_host: &str) -> Option<Cow<'_, BaseUrl>> {
        let known = self.urls.iter().find(|url| {
            url.authority.eq_ignore_ascii_case(unverified_host)
                // The default port may be written out.
                || unverified_host
                    .strip_suffix(if url.https { ":443" } else { ":80" })
                    .is_some_and(|host| url.authority.eq_ignore_ascii_case(host))
        });
        match known {
            Some(url) => Some(Cow::Borrowed(url)),
            None => self.tagged(unverified_host).map(Cow::Owned),
        }
    }

    /// Returns the base URL of a revision with a tag, if `unverified_host` is `TAG---HOST` with a
    /// host of this server and a tag that Cloud Run accepts.
    fn tagged(&self, unverified_host: &str) -> Option<BaseUrl> {
        if self.taggable.is_empty() || !unverified_host.contains(TAG_SEPARATOR) {
            return None;
        }
        let host = unverified_host.to_ascii_lowercase();
        let host = host.strip_suffix(":443").unwrap_or(&host);
        let label = host.split('.').next().unwrap_or_default();
        let tag = self.taggable.iter().find_map(|known| {
            host.strip_suffix(known.as_str())?
                .strip_suffix(TAG_SEPARATOR)
        })?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_tag = tag.starts_with(|c: char| c.is_ascii_lowercase())
            && tag.chars().all(plain)
            && !tag.ends_with('-')
            && label.len() <= LABEL_LEN;
        if !is_tag {
            return None;
        }
        BaseUrl::parse(&format!("https://{host}")).ok()
    }

    /// Returns the base URL with exactly this text, if it belongs to this server.
    fn for_origin(&self, origin: &str) -> Option<Cow<'_, BaseUrl>> {
        if let Some(known) = self.urls.iter().find(|base| base.text == origin) {
            return Some(Cow::Borrowed(known));
        }
        let tagged = self.tagged(origin.strip_prefix("https://")?)?;
        (tagged.text == origin).then_some(Cow::Owned(tagged))
    }

    /// Returns the canonical name of the resource that `unverified_resource` means, if it belongs
    /// to this server.
    ///
    /// The case of scheme and host, a written-out default port and a trailing slash are ignored
    /// (MCP authorization, canonical server URI). `/mcp` may be missing, because clients that do
    /// not read resource metadata leave it out.
    pub(crate) fn resource(&self, unverified_resource: &str) -> Option<String> {
        let url = Url::parse(unverified_resource).ok()?;
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return None;
        }
        let path = url.path().trim_end_matches('/');
        if !path.is_empty() && path != paths::MCP {
            return None;
        }
        let origin = url.origin().ascii_serialization();
        self.for_origin(&origin).map(|base| base.resource())
    }

    /// Returns true if `resource` is the canonical name of this server's resource, under any of its
    /// names.
    pub(crate) fn is_own_resource(&self, resource: &str) -> bool {
        let base = resource.strip_suffix(paths::MCP);
        base.is_some_and(|base| self.for_origin(base).is_some())
    }

    /// Returns true if a browser page at `unverified_origin` belongs to this server.
    pub(crate) fn is_own_origin(&self, unverified_origin: &str) -> bool {
        self.for_origin(&unverified_origin.to_ascii_lowercase())
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(text: &str) -> BaseUrls {
        BaseUrls::new(BaseUrl::parse(text).unwrap(), &[])
    }

    /// A service with a custom domain and the two default names of Cloud Run.
    fn on_cloud_run() -> BaseUrls {
        let other = |host: &str| BaseUrl::parse(&format!("https://{host}")).unwrap();
        let others = [
            other("tiny-123.europe-west1.run.app"),
            other("tiny-abcdefghij-ew.a.run.app"),
            other("other.example"),
        ];
        BaseUrls::new(BaseUrl::parse("https://mcp.example").unwrap(), &others)
    }

    #[test]
    fn rs8_only_configured_hosts_and_their_tags_are_accepted() {
        let urls = on_cloud_run();
        for (host, name) in [
            ("mcp.example", "https://mcp.example"),
            ("other.example", "https://other.example"),
            (
                "tiny-123.europe-west1.run.app",
                "https://tiny-123.europe-west1.run.app",
            ),
            (
                "Tiny-abcdefghij-ew.a.run.app:443",
                "https://tiny-abcdefghij-ew.a.run.app",
            ),
            (
                "next---tiny-123.europe-west1.run.app",
                "https://next---tiny-123.europe-west1.run.app",
            ),
            (
                "NEXT---tiny-abcdefghij-ew.a.run.app:443",
                "https://next---tiny-abcdefghij-ew.a.run.app",
            ),
            (
                "a---b---tiny-123.europe-west1.run.app",
                "https://a---b---tiny-123.europe-west1.run.app",
            ),
        ] {
            let found = urls.for_host(host).unwrap_or_else(|| panic!("{host}"));
            assert_eq!(found.as_str(), name);
            let resource = format!("{name}/mcp");
            assert!(urls.is_own_resource(&resource), "{resource}");
            assert_eq!(urls.resource(&resource), Some(resource));
            assert!(urls.is_own_origin(name), "{name}");
        }
        let long = format!("{}---tiny-123.europe-west1.run.app", "a".repeat(53));
        for foreign in [
            "tiny-456.europe-west1.run.app",
            "tiny-zzzzzzzzzz-ew.a.run.app",
            "next--tiny-123.europe-west1.run.app",
            "next---other-123.europe-west1.run.app",
            "next---tiny-123.europe-west1.run.app.evil.example",
            "next---tiny-123.europe-west1.run.app:444",
            "---tiny-123.europe-west1.run.app",
            "-a---tiny-123.europe-west1.run.app",
            "a----tiny-123.europe-west1.run.app",
            "1a---tiny-123.europe-west1.run.app",
            "a_b---tiny-123.europe-west1.run.app",
            "a.b---tiny-123.europe-west1.run.app",
            "a@b---tiny-123.europe-west1.run.app",
            "a/b---tiny-123.europe-west1.run.app",
            "next---mcp.example",
            "next---other.example",
            &long,
        ] {
            assert!(urls.for_host(foreign).is_none(), "{foreign}");
            let resource = format!("https://{foreign}/mcp");
            assert!(!urls.is_own_resource(&resource), "{foreign}");
            assert!(!urls.is_own_origin(&format!("https://{foreign}")));
        }
        assert!(!urls.is_own_resource("http://next---tiny-123.europe-west1.run.app/mcp"));
        assert!(!urls.is_own_resource("https://NEXT---tiny-123.europe-west1.run.app/mcp"));
    }

    #[test]
    fn rs8_tags_require_additional_hosts() {
        let urls = urls("https://tiny-123.europe-west1.run.app");
        assert!(
            urls.for_host("next---tiny-123.europe-west1.run.app")
                .is_none()
        );
    }

    #[test]
    fn rs6_each_base_url_has_exactly_one_resource() {
        let urls = urls("http://localhost:8080");
        for (resource, ours) in [
            ("http://localhost:8080/mcp", true),
            ("http://127.0.0.1:8080/mcp", true),
            ("http://localhost:8080", false),
            ("http://localhost:8080/mcp/", false),
            ("http://LOCALHOST:8080/mcp", false),
            ("http://localhost:8081/mcp", false),
            ("https://localhost:8080/mcp", false),
        ] {
            assert_eq!(urls.is_own_resource(resource), ours, "{resource}");
            let canonical = urls.resource(resource);
            assert_eq!(canonical.as_deref() == Some(resource), ours, "{resource}");
        }
    }

    #[test]
    fn only_known_hosts_select_a_base_url() {
        let local = urls("http://localhost:8080");
        assert_eq!(
            local.for_host("127.0.0.1:8080").unwrap().as_str(),
            "http://127.0.0.1:8080"
        );
        assert_eq!(
            local.for_host("[::1]:8080").unwrap().as_str(),
            "http://[::1]:8080"
        );
        for foreign in [
            "localhost",
            "localhost:8081",
            "evil.example:8080",
            "",
            "localhost:8080.evil",
        ] {
            assert!(local.for_host(foreign).is_none(), "{foreign}");
        }
        let public = urls("https://a.example");
        assert!(public.for_host("A.example:443").is_some());
        assert!(public.for_host("localhost").is_none());
    }

    #[test]
    fn as16_resource_spellings() {
        let public = urls("https://a.example");
        for same in [
            "https://a.example/mcp",
            "HTTPS://A.Example/mcp/",
            "https://a.example:443/mcp",
            "https://a.example/",
            "https://a.example",
        ] {
            assert_eq!(
                public.resource(same).as_deref(),
                Some("https://a.example/mcp"),
                "{same}"
            );
        }
        for other in [
            "https://b.example/mcp",
            "http://a.example/mcp",
            "https://a.example/other",
            "https://a.example/mcp#x",
            "https://a.example/mcp?x",
            "https://u@a.example/mcp",
            "mcp",
        ] {
            assert_eq!(public.resource(other), None, "{other}");
        }
    }
}
