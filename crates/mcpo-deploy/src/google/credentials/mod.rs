//! Finds the credentials for Google and obtains tokens with them.

mod exchange;
mod file;
mod gcloud;
mod identity;
mod metadata;

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};
use tokio::sync::Mutex;

use self::file::CredentialFile;
use super::http::Http;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The minimum remaining lifetime of a token before it is renewed.
const RENEWAL_MARGIN: Duration = Duration::from_secs(60);
const GIVEN_TOKENS: [&str; 2] = ["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"];
const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CredentialError(String);

impl CredentialError {
    fn new(why: impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// A working source of tokens, and the last token from it.
#[derive(Debug)]
pub struct Credentials {
    http: Http,
    source: Source,
    /// The service account to impersonate.
    impersonated: Option<String>,
    who: String,
    project: Option<String>,
    token: Mutex<Option<Token>>,
}

/// An access token and its expiry.
#[derive(Clone, Debug)]
pub struct Token {
    value: Secret,
    expires: SystemTime,
}

#[derive(Debug)]
enum Source {
    Given(Secret),
    File(Box<CredentialFile>),
    Metadata,
    Gcloud,
}

/// The sources that failed, each with the reason.
struct Attempts(Vec<(String, String)>);

impl Credentials {
    /// Tries the sources in Google's order. An explicitly named source is the last one tried, so
    /// that no other identity is used by accident.
    pub async fn find(http: &Http, impersonated: Option<&str>) -> Outcome<Self> {
        let mut tried = Attempts(Vec::new());
        let Some(mut found) = Self::search(http, &mut tried).await else {
            return Err(tried.into_failure());
        };
        if let Some(email) = impersonated {
            email.clone_into(&mut found.who);
            found.impersonated = Some(email.to_owned());
            found.token = Mutex::new(None);
            let failed = |why: CredentialError| {
                Failure::new(format!("failed to impersonate {email}")).because(&why)
            };
            found.token().await.map_err(failed)?;
        }
        Ok(found)
    }

    async fn search(http: &Http, tried: &mut Attempts) -> Option<Self> {
        for name in GIVEN_TOKENS {
            match std::env::var(name).ok().filter(|value| !value.is_empty()) {
                Some(token) => {
                    let source = Source::Given(Secret::new(token));
                    return Some(Self::new(
                        http,
                        source,
                        format!("the holder of {name}"),
                        None,
                    ));
                }
                None => tried.add(name, "not set"),
            }
        }
        if let Some(path) = std::env::var_os(FILE).filter(|path| !path.is_empty()) {
            let name = format!("{FILE} ({})", path.display());
            return Self::from_file(http, path.into(), name, tried).await;
        }
        tried.add(FILE, "not set");
        match well_known_file() {
            Some(path) if path.is_file() => {
                let name = path.display().to_string();
                if let Some(found) = Self::from_file(http, path, name, tried).await {
                    return Some(found);
                }
            }
            Some(path) => tried.add(path.display(), "file not found"),
            None => tried.add("application default credentials", "no home folder"),
        }
        match metadata::look(http).await {
            Ok((email, project)) => {
                return Some(Self::new(http, Source::Metadata, email, Some(project)));
            }
            Err(why) => tried.add("the metadata server", why),
        }
        let gcloud = Self::new(http, Source::Gcloud, "the gcloud user".to_owned(), None);
        match gcloud.token().await {
            Ok(_) => Some(gcloud),
            Err(why) => {
                tried.add("gcloud", why);
                None
            }
        }
    }

    async fn from_file(
        http: &Http,
        path: PathBuf,
        name: String,
        tried: &mut Attempts,
    ) -> Option<Self> {
        let file = match CredentialFile::read(&path) {
            Ok(file) => file,
            Err(why) => {
                tried.add(name, why);
                return None;
            }
        };
        let (who, project) = (file.who(), file.project());
        let found = Self::new(http, Source::File(Box::new(file)), who, project);
        match found.token().await {
            Ok(_) => Some(found),
            Err(why) => {
                tried.add(name, why);
                None
            }
        }
    }

    fn new(http: &Http, source: Source, who: String, project: Option<String>) -> Self {
        Self {
            http: http.clone(),
            source,
            impersonated: None,
            who,
            project,
            token: Mutex::new(None),
        }
    }

    /// Returns the identity of the caller.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// Returns the project of the credentials.
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// Returns the project whose quota a user's calls use. A service account's calls use the quota
    /// of its own project.
    pub fn quota_project(&self) -> Option<&str> {
        match &self.source {
            Source::File(file) if self.impersonated.is_none() => file.quota_project(),
            _ => None,
        }
    }

    /// Returns the cached token, or a new one if the cached one expires within [`RENEWAL_MARGIN`].
    pub async fn token(&self) -> Result<Secret, CredentialError> {
        let mut held = self.token.lock().await;
        if let Some(token) = &*held
            && token.expires > SystemTime::now() + RENEWAL_MARGIN
        {
            return Ok(token.value.clone());
        }
        let mut token = self.fetch().await?;
        if let Some(email) = &self.impersonated {
            token = exchange::impersonate(
                &self.http,
                &token.value,
                &exchange::impersonation_url(email),
            )
            .await?;
        }
        Ok(held.insert(token).value.clone())
    }

    /// Discards the cached token because Google rejected it.
    pub async fn renew(&self) {
        *self.token.lock().await = None;
    }

    async fn fetch(&self) -> Result<Token, CredentialError> {
        match &self.source {
            // The expiry is unknown; Google rejects the token when it has expired.
            Source::Given(value) => Ok(Token::lasting(value.clone(), 3600)),
            Source::File(file) => file.fetch(&self.http).await,
            Source::Metadata => metadata::token(&self.http).await,
            Source::Gcloud => gcloud::token().await,
        }
    }
}

impl Token {
    fn lasting(value: Secret, seconds: u64) -> Self {
        Self {
            value,
            expires: SystemTime::now() + Duration::from_secs(seconds),
        }
    }

    fn from_gcp_auth(token: &Arc<gcp_auth::Token>) -> Self {
        Self {
            value: Secret::new(token.as_str().to_owned()),
            expires: token.expires_at().into(),
        }
    }
}

/// Returns the message with its causes, which `gcp_auth` omits.
fn unpacked(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

fn well_known_file() -> Option<PathBuf> {
    let folder = std::env::var_os("CLOUDSDK_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".config/gcloud")))?;
    Some(folder.join("application_default_credentials.json"))
}

impl Attempts {
    fn add(&mut self, source: impl fmt::Display, why: impl fmt::Display) {
        self.0.push((source.to_string(), why.to_string()));
    }

    fn into_failure(self) -> Failure {
        let lines: Vec<_> = self
            .0
            .iter()
            .map(|(source, why)| format!("\n  - {source}: {why}"))
            .collect();
        Failure::new(format!("found no credentials for Google Cloud; tried{}", lines.concat())).hint(
            "set GOOGLE_APPLICATION_CREDENTIALS to a credential file, or run: gcloud auth application-default login",
        )
    }
}
