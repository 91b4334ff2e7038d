//! Servers behind a proxy that name their inner address: the right host with another scheme or port.

use url::Url;

/// Returns the fix if `named` is on the host of `public`, but not at its scheme and port.
pub fn fix(named: &Url, public: &Url) -> Option<String> {
    let is_same_host = named.has_host() && named.host() == public.host();
    if !is_same_host || named.origin() == public.origin() {
        return None;
    }
    Some(format!(
        "behind a proxy, tell the server its public address: set it to {}, or pass \
         X-Forwarded-Proto and X-Forwarded-Host on and let the server trust them",
        public.origin().ascii_serialization()
    ))
}

#[cfg(test)]
mod tests {
    use url::Url;

    #[test]
    fn only_the_scheme_or_the_port_may_differ() {
        let public = Url::parse("https://h/mcp").unwrap();
        let is_inner = |named: &str| super::fix(&Url::parse(named).unwrap(), &public).is_some();
        assert!(
            is_inner("http://h/mcp") && is_inner("http://h:8080/") && is_inner("https://h:1/x")
        );
        assert!(!is_inner("https://h/other") && !is_inner("https://h:443/mcp"));
        assert!(!is_inner("http://other/mcp") && !is_inner("urn:example:mcp"));
    }
}
