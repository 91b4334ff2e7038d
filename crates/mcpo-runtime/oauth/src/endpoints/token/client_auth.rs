//! Identifies the client (RFC 6749 §2.3): by id only, or by id and secret in one of the two places.
//! The right secret is accepted in either place, because many clients register with one method and
//! use the other.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header};

use crate::{
    oauth::{
        client::{AuthMethod, ClientError, ProvenClient},
        error::OAuthError,
        params::Params,
    },
    state::App,
};

/// Some clients send padding and some do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

struct Credentials {
    id: String,
    secret: Option<String>,
    method: AuthMethod,
}

/// Returns the client that sent a request, after checking its secret.
///
/// `unverified_token` is the token in the request. A refresh token authenticates a client whose id
/// was sealed with a key that has since been removed.
pub(crate) fn authenticate(
    app: &App,
    headers: &HeaderMap,
    params: &Params,
    unverified_token: Option<&str>,
) -> Result<ProvenClient, OAuthError> {
    let unverified = credentials(headers, params)?;
    let (id, method) = (&*unverified.id, unverified.method);
    let secret = unverified.secret.as_deref();
    let clients = &app.clients;
    let mut proven = clients.prove(id, secret, method, &app.keys);
    if proven.as_ref().err() == Some(&ClientError::Unknown)
        && let Some(token) = unverified_token.and_then(|text| app.keys.open(text).ok())
    {
        proven = clients.prove_by_token(id, secret, method, &token, &app.keys);
    }
    proven.map_err(|error| OAuthError::invalid_client(error.to_string()))
}

fn credentials(headers: &HeaderMap, params: &Params) -> Result<Credentials, OAuthError> {
    let id = params.get("client_id");
    let secret = params.get("client_secret");
    match (headers.get(header::AUTHORIZATION), secret) {
        (Some(_), Some(_)) => Err(OAuthError::invalid_request(
            "the client secret occurs twice: in the header and in the body",
        )),
        (Some(header), None) => {
            let basic = header.to_str().ok().and_then(parse_basic).ok_or_else(|| {
                OAuthError::invalid_client("the Authorization header is not HTTP Basic")
            })?;
            if id.is_some_and(|id| id != basic.id) {
                return Err(OAuthError::invalid_request(
                    "client_id in the body differs from the one in the header",
                ));
            }
            Ok(basic)
        }
        (None, secret) => {
            let id = id.ok_or_else(|| OAuthError::invalid_client("client_id is missing"))?;
            Ok(Credentials {
                id: id.to_owned(),
                secret: secret.map(str::to_owned),
                method: if secret.is_some() {
                    AuthMethod::SecretPost
                } else {
                    AuthMethod::None
                },
            })
        }
    }
}

/// Parses HTTP Basic. Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
fn parse_basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(Credentials {
        id: form_decode(id),
        secret: Some(form_decode(secret)),
        method: AuthMethod::SecretBasic,
    })
}

fn form_decode(text: &str) -> String {
    // Values issued by this server contain none of these characters, so a client that does not
    // encode them is understood, too.
    let text = text.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}
