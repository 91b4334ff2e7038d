//! Finds the client with an id: configured, registered, or described by a document.

use super::{
    configured::{ConfiguredClient, ConfiguredClients},
    error::{ClientError, expect_no_secret},
    metadata::{AuthMethod, Client, ClientKey, ProvenClient},
    metadata_document::{DocumentCache, DocumentUrl},
    registration::Registration,
};
use crate::{
    base::{clock::Timestamp, error::Error, seal::KeyRing},
    oauth::grant::RefreshToken,
};

/// All clients that the server knows, of every kind.
pub(crate) struct Clients {
    configured: ConfiguredClients,
    documents: DocumentCache,
    /// Whether clients without a secret are accepted, in addition to configured ones.
    public: bool,
}

impl Clients {
    pub(crate) fn new(configured: &[ConfiguredClient], public: bool) -> Result<Self, Error> {
        Ok(Self {
            configured: ConfiguredClients::new(configured),
            documents: DocumentCache::new()?,
            public,
        })
    }

    /// Returns true if the server reads client metadata documents.
    pub(crate) const fn reads_documents(&self) -> bool {
        self.public
    }

    /// Returns the methods that a client may register with.
    pub(crate) fn methods(&self) -> &'static [AuthMethod] {
        if self.public {
            &AuthMethod::ALL
        } else {
            &AuthMethod::WITH_SECRET
        }
    }

    /// Returns the client with this id, for an authorization request. Fetches its document if
    /// necessary and if `may_fetch` returns true.
    pub(crate) async fn find(
        &self,
        unverified_id: &str,
        keys: &KeyRing,
        now: Timestamp,
        may_fetch: &(dyn Fn() -> bool + Sync),
    ) -> Result<Client, ClientError> {
        if let Some(client) = self.configured.find(unverified_id) {
            return Ok(client);
        }
        if let Some(url) = DocumentUrl::parse(unverified_id)?
            && self.public
        {
            return Ok(self.documents.client(&url, now, may_fetch).await?);
        }
        let registration = self.registration(unverified_id, keys)?;
        Ok(registration.into_client(unverified_id))
    }

    /// Returns the registration in this client id, if such clients are accepted. The setting is
    /// checked here, too, because it may be newer than the registration.
    fn registration(&self, id: &str, keys: &KeyRing) -> Result<Registration, ClientError> {
        let registration = Registration::open(id, keys).ok_or(ClientError::Unknown)?;
        if registration.is_public() && !self.public {
            return Err(ClientError::Public);
        }
        Ok(registration)
    }

    /// Authenticates the client with this id, for a token request.
    ///
    /// Documents are not fetched here: their clients are public, and the code or the refresh token
    /// binds this request to the previous one.
    pub(crate) fn prove(
        &self,
        unverified_id: &str,
        unverified_secret: Option<&str>,
        method: AuthMethod,
        keys: &KeyRing,
    ) -> Result<ProvenClient, ClientError> {
        let mut registered_secret = None;
        let has_secret = if let Some(client) = self.configured.get(unverified_id) {
            client.prove(unverified_secret, method)?
        } else if self.public && DocumentUrl::parse(unverified_id)?.is_some() {
            expect_no_secret(unverified_secret, method)?;
            false
        } else {
            let registration = self.registration(unverified_id, keys)?;
            registered_secret =
                registration.prove(unverified_id, unverified_secret, method, keys)?;
            registered_secret.is_some()
        };
        Ok(ProvenClient {
            key: ClientKey::of(unverified_id),
            id: unverified_id.to_owned(),
            has_secret,
            registered_secret,
        })
    }

    /// Authenticates a client that registered itself and whose id can no longer be opened, because
    /// its key was removed from the ring. The proof is a refresh token that was issued to the
    /// client.
    pub(crate) fn prove_by_token(
        &self,
        unverified_id: &str,
        unverified_secret: Option<&str>,
        method: AuthMethod,
        token: &RefreshToken,
        keys: &KeyRing,
    ) -> Result<ProvenClient, ClientError> {
        // Tokens from earlier versions do not say whether their client has a secret.
        let says_all = token.granted_at.is_some();
        let key = ClientKey::of(unverified_id);
        if !keys.lacks_key_of::<Registration>(unverified_id)
            || token.grant.client != key
            || !says_all
        {
            return Err(ClientError::Unknown);
        }
        match (token.client_secret, unverified_secret) {
            (Some(digest), Some(secret)) if digest.is_of(secret) => {}
            (Some(_), _) => return Err(ClientError::Secret),
            (None, _) if !self.public => return Err(ClientError::Public),
            (None, secret) => expect_no_secret(secret, method)?,
        }
        Ok(ProvenClient {
            key,
            id: unverified_id.to_owned(),
            has_secret: token.client_secret.is_some(),
            registered_secret: token.client_secret,
        })
    }
}
