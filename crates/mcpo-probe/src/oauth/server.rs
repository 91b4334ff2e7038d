//! Authorization server metadata (RFC 8414 and `OpenID` Connect Discovery).

use serde::Deserialize;
use url::Url;

use super::{metadata, public_address, resource::Resource, well_known};
use crate::{
    check::{Fault, Log, Pending, Step},
    credentials::AuthMethod,
    documents::{self, Judgment, OnRejection},
    http::{Answer, HttpClient, RequestError, is_loopback},
    ports,
    profile::Profile,
    rules,
};

#[derive(Debug, Deserialize)]
struct UnverifiedMetadata {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    registration_endpoint: Option<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
    scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    client_id_metadata_document_supported: bool,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// An authorization server whose metadata is for the issuer it was fetched from, with endpoints on
/// https or loopback, and with PKCE.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent statement of the metadata"
)]
pub struct AuthorizationServer {
    pub issuer: String,
    pub authorization: Url,
    pub token: Url,
    pub registration: Option<Url>,
    /// In the server's order; the default is Basic (RFC 8414 §2).
    pub methods: Vec<AuthMethod>,
    /// Whether the metadata lists the methods instead of relying on the default.
    pub names_methods: bool,
    pub takes_documents: bool,
    pub announces_iss: bool,
    pub offers_offline_access: bool,
}

/// Finds the metadata of the resource's issuer in the order of the specification.
pub async fn discover(
    http: &HttpClient,
    log: &mut Log<'_>,
    target: &Url,
    resource: &Resource,
    profile: &Profile,
) -> Step<AuthorizationServer> {
    let pending = rules::SERVER_METADATA.begin();
    let issuer = resource.issuer.as_str();
    let expected = "200 with a JSON document at one of the well-known addresses of the issuer";
    let base = Url::parse(issuer).ok().filter(Url::has_host);
    let Some(base) = base else {
        let hint = "name the authorization server by its https URL in authorization_servers";
        return Err(pending.fail(log, Fault::new(format!("issuer {issuer:?}"), "a URL", hint)));
    };
    if let Some(fault) = ports::refused(profile, http.is_public(), &base) {
        return Err(pending.fail(log, fault));
    }
    let candidates = well_known::of_issuer(&base);
    let mut seen = Vec::new();
    // The first document that the client's library rejects.
    let mut rejected = None;
    for url in &candidates {
        match http.fetch(url).await {
            Ok(answer) if answer.status.is_success() => {
                match documents::judge(well_known::kind(url), &answer, profile) {
                    Judgment::Rejected(fault, OnRejection::Next) => {
                        rejected = rejected.or(Some(fault));
                    }
                    Judgment::Rejected(fault, _) => return Err(pending.fail(log, fault)),
                    judgment => {
                        let warning = rejected.or(judgment.warning());
                        let found = Found {
                            issuer,
                            url,
                            answer: &answer,
                            warning,
                        };
                        return read(log, pending, found, profile, http.is_public());
                    }
                }
            }
            Ok(answer) if answer.status.is_client_error() => {
                seen.push(format!("{}: HTTP {}", answer.url, answer.status.as_u16()));
            }
            Ok(answer) => {
                let fault = Fault::new(
                    format!("{url}: {}", answer.summary()),
                    expected,
                    "fix the endpoint: see the server's log",
                );
                return Err(pending.fail(log, fault));
            }
            Err(request_error) => {
                let inner = match &request_error {
                    RequestError::Insecure(named) => public_address::fix(named, target),
                    _ => None,
                };
                let hint = inner.unwrap_or_else(|| request_error.hint().to_owned());
                let seen = format!("{url}: {request_error}");
                return Err(pending.fail(log, Fault::new(seen, expected, hint)));
            }
        }
    }
    let hint = format!(
        "serve the metadata at {}{}",
        candidates[0],
        http.allow_oauth_user_agent(&seen)
    );
    let fault = rejected.unwrap_or_else(|| Fault::new(seen.join("; "), expected, hint));
    match (&resource.identifier, AuthorizationServer::assumed(&base)) {
        (None, Ok(server)) => {
            pending.warn(log, fault);
            let because = "no metadata at all: treated as a server of 2025-03-26";
            log.skip(&[&rules::ISSUER_IDENTITY, &rules::PKCE_SUPPORT], because);
            Ok(server)
        }
        _ => Err(pending.fail(log, fault)),
    }
}

impl AuthorizationServer {
    /// Returns the default endpoints of 2025-03-26, for servers that publish nothing.
    fn assumed(base: &Url) -> Result<Self, url::ParseError> {
        Ok(Self {
            issuer: base.origin().ascii_serialization(),
            authorization: base.join("/authorize")?,
            token: base.join("/token")?,
            registration: Some(base.join("/register")?),
            methods: vec![AuthMethod::None, AuthMethod::Basic, AuthMethod::Post],
            names_methods: false,
            takes_documents: false,
            announces_iss: false,
            offers_offline_access: false,
        })
    }
}

/// A document that the client can read.
struct Found<'d> {
    issuer: &'d str,
    url: &'d Url,
    answer: &'d Answer,
    /// Why other clients cannot read it.
    warning: Option<Fault>,
}

fn read(
    log: &mut Log<'_>,
    pending: Pending,
    found: Found<'_>,
    profile: &Profile,
    is_public: bool,
) -> Step<AuthorizationServer> {
    let Found {
        issuer,
        url,
        answer,
        warning,
    } = found;
    let kind = well_known::kind(url);
    let (metadata, pending) =
        metadata::read::<UnverifiedMetadata>(log, pending, kind, url, answer)?;
    log.seen.authorization_server = answer.json().ok();
    // Check the issuer before anything else in the document is used.
    if metadata.issuer.as_deref() != Some(issuer) {
        pending.pass_or_warn(log, url, warning);
        return Err(wrong_issuer(log, issuer, metadata.issuer.as_deref()));
    }
    let server = match endpoints(&metadata, issuer) {
        Ok(server) => server,
        Err(fault) => return Err(pending.fail(log, fault)),
    };
    // The browser, and not the client, connects to the authorization endpoint.
    let mut connected = std::iter::once(&server.token).chain(&server.registration);
    let refused = connected.find_map(|url| ports::refused(profile, is_public, url));
    if let Some(fault) = refused {
        return Err(pending.fail(log, fault));
    }
    pending.pass_or_warn(log, url, warning);
    rules::ISSUER_IDENTITY.begin().pass(log, issuer);
    verify_pkce(log, metadata.code_challenge_methods_supported.as_deref())?;
    Ok(server)
}

fn wrong_issuer(log: &mut Log<'_>, issuer: &str, seen: Option<&str>) -> crate::check::Stop {
    let inner = seen
        .and_then(|seen| public_address::fix(&Url::parse(seen).ok()?, &Url::parse(issuer).ok()?));
    let hint = match (seen, &inner) {
        (Some(seen), _) if seen.trim_end_matches('/') == issuer.trim_end_matches('/') => {
            "one spelling has a slash at the end: spell the issuer identically in both documents"
        }
        (_, Some(inner)) => inner,
        _ => {
            "spell the issuer identically in authorization_servers and in the issuer's own metadata"
        }
    };
    let seen = seen.map_or_else(
        || "no issuer".to_owned(),
        |seen| format!("issuer is {seen}"),
    );
    rules::ISSUER_IDENTITY
        .begin()
        .fail(log, Fault::new(seen, issuer, hint))
}

fn verify_pkce(log: &mut Log<'_>, methods: Option<&[String]>) -> Step<()> {
    let pending = rules::PKCE_SUPPORT.begin();
    let seen = match methods {
        Some(methods) if methods.iter().any(|method| method == "S256") => {
            pending.pass(log, methods.join(", "));
            return Ok(());
        }
        Some(methods) => format!(
            "code_challenge_methods_supported is [{}]",
            methods.join(", ")
        ),
        None => "no code_challenge_methods_supported".to_owned(),
    };
    let hint = r#"verify PKCE, and announce it: "code_challenge_methods_supported": ["S256"]; clients refuse to continue without it"#;
    Err(pending.fail(
        log,
        Fault::new(seen, "S256 among code_challenge_methods_supported", hint),
    ))
}

fn endpoints(metadata: &UnverifiedMetadata, issuer: &str) -> Result<AuthorizationServer, Fault> {
    let algorithms = metadata
        .token_endpoint_auth_signing_alg_values_supported
        .as_ref();
    let es256 = algorithms.is_none_or(|names| names.iter().any(|name| name == "ES256"));
    let methods = metadata
        .token_endpoint_auth_methods_supported
        .as_ref()
        .map_or_else(
            || vec![AuthMethod::Basic],
            |names| {
                names
                    .iter()
                    .filter_map(|name| AuthMethod::parse(name))
                    .filter(|method| es256 || *method != AuthMethod::PrivateKey)
                    .collect()
            },
        );
    let registration = metadata.registration_endpoint.as_deref();
    Ok(AuthorizationServer {
        issuer: issuer.to_owned(),
        authorization: endpoint(
            "authorization_endpoint",
            metadata.authorization_endpoint.as_deref(),
            issuer,
        )?,
        token: endpoint("token_endpoint", metadata.token_endpoint.as_deref(), issuer)?,
        registration: registration
            .map(|url| endpoint("registration_endpoint", Some(url), issuer))
            .transpose()?,
        methods,
        names_methods: metadata.token_endpoint_auth_methods_supported.is_some(),
        takes_documents: metadata.client_id_metadata_document_supported,
        announces_iss: metadata.authorization_response_iss_parameter_supported,
        offers_offline_access: metadata
            .scopes_supported
            .iter()
            .flatten()
            .any(|scope| scope == "offline_access"),
    })
}

/// Reads the URL of an endpoint, which must be https, or http on loopback.
fn endpoint(name: &str, value: Option<&str>, issuer: &str) -> Result<Url, Fault> {
    let expected = format!("{name}, an https URL");
    let fault = |seen: &str, hint: &str| Fault::new(seen, &expected, hint);
    let value = value.ok_or_else(|| fault(&format!("no {name}"), "add it to the metadata"))?;
    let url = Url::parse(value)
        .map_err(|_| fault(&format!("{name} is {value:?}"), "write the whole URL"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => {
            let inner = Url::parse(issuer).ok();
            let inner = inner.and_then(|issuer| public_address::fix(&url, &issuer));
            let hint = inner.as_deref().unwrap_or("serve it over https");
            Err(fault(&format!("{name} is {value}"), hint))
        }
    }
}
