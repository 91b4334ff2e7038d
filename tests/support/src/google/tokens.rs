//! Issues access tokens and identity tokens.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hyper::StatusCode;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{
    Cloud,
    http::{Reply, Request},
};

/// The service account that deploys in tests.
pub const DEPLOYER: &str = "deployer@my-project.iam.gserviceaccount.com";
const LIFETIME: Duration = Duration::from_secs(3600);

/// The key in a service account file.
pub struct Key {
    pem: String,
    public: Vec<u8>,
}

impl Key {
    /// Returns a key for all tests. Each test runs in its own process, and generating a key takes up
    /// to a second, so the key is kept next to the test executables. It protects nothing.
    pub fn of_tests() -> Self {
        let executable = std::env::current_exe().expect("a path");
        let kept = executable.with_file_name("google-test-key.pem");
        let pem = fs::read_to_string(&kept).unwrap_or_else(|_| {
            let pem = generate();
            // Tests that start at the same time must not read half a file.
            let folder = kept.parent().expect("a folder");
            let made = tempfile::NamedTempFile::new_in(folder).expect("a file");
            fs::write(&made, &pem).expect("a file");
            let _ = made.persist(&kept);
            pem
        });
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let der = base64::prelude::BASE64_STANDARD
            .decode(body)
            .expect("PEM is base64");
        let pair = RsaKeyPair::from_pkcs8(&der).expect("an RSA key");
        Self {
            pem,
            public: pair.public_key().as_ref().to_vec(),
        }
    }
}

/// Generates a key with `openssl`, because ring does not generate RSA keys.
fn generate() -> String {
    let bits = "rsa_keygen_bits:2048";
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", bits])
        .output()
        .expect("openssl");
    assert!(made.status.success(), "openssl: {made:?}");
    String::from_utf8(made.stdout).expect("PEM is text")
}

impl Cloud {
    /// Issues an access token for this account.
    pub fn mint(&self, email: &str) -> String {
        let mut state = self.state();
        let token = format!("ya29.test-{}-{}", state.next(), std::process::id());
        let expires = SystemTime::now() + LIFETIME;
        state
            .tokens
            .insert(token.clone(), (email.to_owned(), expires));
        token
    }

    /// Issues an identity token of this account for this audience.
    pub fn mint_identity(&self, email: &str, audience: &str) -> String {
        let mut state = self.state();
        let token = format!("identity.test-{}.{}", state.next(), std::process::id());
        let identity = (email.to_owned(), audience.to_owned());
        state.identities.insert(token.clone(), identity);
        token
    }

    /// Returns the account of a valid token: either an issued token or a self-signed JWT of a
    /// service account (<https://google.aip.dev/auth/4111>).
    pub fn holder(&self, token: &str) -> Option<String> {
        if token.matches('.').count() == 2 && !token.starts_with("ya29.") {
            return match check_assertion(self, token, true) {
                Ok(Asserted::Access(email)) => Some(email),
                _ => None,
            };
        }
        let state = self.state();
        let (email, expires) = state.tokens.get(token)?;
        (*expires > SystemTime::now()).then(|| email.clone())
    }

    /// Writes the service account file for [`DEPLOYER`].
    pub fn write_credentials(&self, folder: &Path) -> PathBuf {
        let path = folder.join("service-account.json");
        let file = json!({
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": "1",
            "private_key": self.key.pem,
            "client_email": DEPLOYER,
            "token_uri": format!("http://{}/token", self.address()),
        });
        fs::write(&path, file.to_string()).expect("a file");
        path
    }
}

/// Answers a request to the token endpoint: JWT bearer, refresh token and token exchange.
pub fn token(cloud: &Cloud, request: &Request) -> Reply {
    let form: Value = if request
        .header("content-type")
        .is_some_and(|kind| kind.contains("json"))
    {
        serde_json::from_slice(&request.body).unwrap_or_default()
    } else {
        let pairs = url::form_urlencoded::parse(&request.body).into_owned();
        Value::Object(pairs.map(|(name, value)| (name, value.into())).collect())
    };
    let field = |name: &str| form[name].as_str().unwrap_or_default();
    let good = match field("grant_type") {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            match check_assertion(cloud, field("assertion"), false) {
                Ok(Asserted::Identity(email, audience)) => {
                    let token = cloud.mint_identity(&email, &audience);
                    return Reply::json(200, &json!({ "id_token": token }), None);
                }
                Ok(Asserted::Access(email)) => Ok(email),
                Err(problem) => Err(problem),
            }
        }
        "refresh_token" if field("refresh_token") == "good-refresh-token" => {
            Ok("user@example.com".to_owned())
        }
        "refresh_token" => Err("Token has been expired or revoked."),
        "urn:ietf:params:oauth:grant-type:token-exchange"
            if field("subject_token") == "good-subject-token" && !field("audience").is_empty() =>
        {
            Ok("principal://iam.googleapis.com/a-pool/subject/repository".to_owned())
        }
        _ => Err("Bad Request"),
    };
    match good {
        Ok(email) => Reply::json(
            200,
            &json!({
                "access_token": cloud.mint(&email), "expires_in": LIFETIME.as_secs(),
                "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            }),
            None,
        ),
        Err(problem) => Reply::json(
            400,
            &json!({ "error": "invalid_grant", "error_description": problem }),
            None,
        ),
    }
}

/// The token that a signed assertion requests.
enum Asserted {
    /// An access token for this account.
    Access(String),
    /// An identity token for this account and audience.
    Identity(String, String),
}

/// Checks a signed assertion. `is_token` is true if it is presented to an API as a token instead of
/// to the token endpoint.
fn check_assertion(cloud: &Cloud, jwt: &str, is_token: bool) -> Result<Asserted, &'static str> {
    let (signed, signature) = jwt.rsplit_once('.').ok_or("Invalid JWT")?;
    let (_, claims) = signed.split_once('.').ok_or("Invalid JWT")?;
    // `gcp_auth` adds padding, which RFC 7515 does not allow but Google accepts.
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
    let signature = decode(signature).map_err(|_| "Invalid JWT")?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &cloud.key.public)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "Invalid JWT Signature.")?;
    let claims = decode(claims).map_err(|_| "Invalid JWT")?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| "Invalid JWT")?;
    let now = cloud.now();
    let (issued, expires) = (claims["iat"].as_i64(), claims["exp"].as_i64());
    let is_timely = issued.is_some_and(|issued| issued <= now + 300)
        && expires.is_some_and(|expires| expires > now && expires <= now + 3600 + 300);
    if !is_timely {
        return Err(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        );
    }
    let email = claims["iss"].as_str().ok_or("Invalid JWT")?.to_owned();
    if let Some(audience) = claims["target_audience"].as_str() {
        return Ok(Asserted::Identity(email, audience.to_owned()));
    }
    let scopes = claims["scope"].as_str().unwrap_or_default();
    let knows = |scope: &str| scope.starts_with("https://www.googleapis.com/auth/");
    let is_scoped = !scopes.is_empty() && scopes.split(' ').all(knows);
    // An assertion with an API as audience instead of scopes is valid for that API.
    let is_for_api = claims["aud"]
        .as_str()
        .is_some_and(|audience| audience.ends_with(".googleapis.com/"));
    if !(is_scoped || is_token && is_for_api) {
        return Err("Invalid OAuth scope or ID token audience provided.");
    }
    Ok(Asserted::Access(email))
}

/// Answers for another identity provider, like the one of GitHub Actions.
pub fn workload_identity(request: &Request) -> Reply {
    if request.header("authorization") != Some("Bearer a-request-token") {
        return Reply::text(StatusCode::UNAUTHORIZED, "no");
    }
    Reply::json(200, &json!({ "value": "good-subject-token" }), None)
}

/// Answers a request to the metadata server from a process that runs as `email`.
pub fn metadata(cloud: &Cloud, request: &Request, email: &str) -> Reply {
    if request.header("metadata-flavor") != Some("Google") {
        let problem = "Missing Metadata-Flavor:Google header.";
        return Reply::text(StatusCode::FORBIDDEN, problem);
    }
    let reply = match request.path.as_str() {
        "/computeMetadata/v1/instance/service-accounts/default/token" => Reply::json(
            200,
            &json!({
                "access_token": cloud.mint(email), "expires_in": 3599, "token_type": "Bearer",
            }),
            None,
        ),
        "/computeMetadata/v1/instance/service-accounts/default/identity" => {
            let audience = request.query.get("audience").and_then(|all| all.first());
            let audience = audience.map_or("", String::as_str);
            Reply::text(StatusCode::OK, &cloud.mint_identity(email, audience))
        }
        "/computeMetadata/v1/instance/service-accounts/default/email" => {
            Reply::text(StatusCode::OK, email)
        }
        "/computeMetadata/v1/project/project-id" => Reply::text(StatusCode::OK, cloud.project),
        _ => Reply::text(StatusCode::NOT_FOUND, "not found"),
    };
    reply.with("metadata-flavor", "Google")
}
