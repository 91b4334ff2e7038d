//! The well-known addresses of metadata, in the order in which clients request them.

use url::Url;

use crate::documents::Kind;

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// Returns the addresses of protected resource metadata: inserted before the path, then at the root
/// (RFC 9728 §3.1).
pub fn of_resource(target: &Url) -> Vec<Url> {
    match target.path() {
        "/" => vec![at(target, RESOURCE)],
        path => vec![
            at(target, &format!("{RESOURCE}{path}")),
            at(target, RESOURCE),
        ],
    }
}

/// Returns the addresses of authorization server metadata: inserted before the path (RFC 8414
/// §3.1), or appended to it as in `OpenID` Connect Discovery.
pub fn of_issuer(issuer: &Url) -> Vec<Url> {
    match issuer.path().trim_end_matches('/') {
        "" => vec![at(issuer, OAUTH), at(issuer, OPENID)],
        path => vec![
            at(issuer, &format!("{OAUTH}{path}")),
            at(issuer, &format!("{OPENID}{path}")),
            at(issuer, &format!("{path}{OPENID}")),
        ],
    }
}

/// Returns the kind of document that clients expect at `url`, an address of [`of_issuer`].
pub fn kind(url: &Url) -> Kind {
    if url.path().contains(OPENID) {
        Kind::OpenIdConfiguration
    } else {
        Kind::AuthorizationServer
    }
}

fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_path(path);
    url
}

#[cfg(test)]
mod tests {
    use url::Url;

    fn listed(find: fn(&Url) -> Vec<Url>, url: &str) -> Vec<String> {
        find(&Url::parse(url).unwrap())
            .into_iter()
            .map(String::from)
            .collect()
    }

    /// C1.
    #[test]
    fn resource_metadata_urls_use_the_path_and_then_the_root() {
        assert_eq!(
            listed(super::of_resource, "https://h/mcp?x=1"),
            [
                "https://h/.well-known/oauth-protected-resource/mcp",
                "https://h/.well-known/oauth-protected-resource"
            ]
        );
        assert_eq!(
            listed(super::of_resource, "https://h"),
            ["https://h/.well-known/oauth-protected-resource"]
        );
    }

    #[test]
    fn the_address_says_which_document_is_expected() {
        let kinds = super::of_issuer(&Url::parse("https://h/tenant").unwrap());
        let kinds: Vec<_> = kinds.iter().map(super::kind).collect();
        let open_id = super::Kind::OpenIdConfiguration;
        assert_eq!(kinds, [super::Kind::AuthorizationServer, open_id, open_id]);
    }

    /// C2.
    #[test]
    fn issuer_metadata_urls_insert_and_then_append_the_suffix() {
        assert_eq!(
            listed(super::of_issuer, "https://h/tenant/"),
            [
                "https://h/.well-known/oauth-authorization-server/tenant",
                "https://h/.well-known/openid-configuration/tenant",
                "https://h/tenant/.well-known/openid-configuration",
            ]
        );
        assert_eq!(
            listed(super::of_issuer, "https://h"),
            [
                "https://h/.well-known/oauth-authorization-server",
                "https://h/.well-known/openid-configuration"
            ]
        );
    }
}
