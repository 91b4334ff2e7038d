//! Remembers which subject a name on an allow-list belongs to: the first one that signed in with
//! it.
//!
//! Login names and addresses can be reassigned to another person. An allow-list of names would then
//! allow the new owner of a name, so the ledger stores a digest of the first owner of each name.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::contract::{Identity, Refusal};
use crate::{
    base::clock::ServerClock,
    store::{GrantId, GrantRecord, GrantStore, StoreError, Swap},
};

/// How long an owner is remembered after the last sign-in.
const OWNER_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Checks that the name which allows `identity` belongs to it. The first sign-in with a name makes
/// that subject its owner. The outer error means that the ledger failed.
pub(crate) async fn check(
    store: &dyn GrantStore,
    clock: &ServerClock,
    login: &str,
    identity: &Identity,
) -> Result<Result<(), Refusal>, StoreError> {
    let Some(name) = &identity.allowed_by_name else {
        return Ok(Ok(()));
    };
    let id = record_id(login, name);
    let owner = digest(name, &identity.subject);
    loop {
        let now = clock.now();
        let found = store.grant(id).await?;
        if let Some(found) = &found
            && !bool::from(found.record.sealed.as_bytes().ct_eq(owner.as_bytes()))
        {
            tracing::warn!(
                name,
                subject = identity.subject,
                "the name belongs to another subject"
            );
            return Ok(Err(Refusal::not_allowed(
                "the name was taken over",
                "Another account signed in here before under this name. Ask the owner of this \
                 server to allow your account by its id.",
            )));
        }
        let record = GrantRecord {
            expires_at: now.plus(OWNER_LIFETIME),
            sealed: owner.clone(),
            ..GrantRecord::first(now)
        };
        let version = found.map(|found| found.version);
        if store.swap_grant(id, version, record).await? == Swap::Done {
            return Ok(Ok(()));
        }
        // Another sign-in was faster: read the record again.
    }
}

fn record_id(login: &str, name: &str) -> GrantId {
    let digest: [u8; 32] = Sha256::digest(format!("mcpo name owner v1\0{login}\0{name}")).into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    GrantId(id)
}

fn digest(name: &str, subject: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{name}\0{subject}")))
}
