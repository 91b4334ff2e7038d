//! Records in the ledger which keys the instances of this server know. Warns when an instance
//! starts to seal with a key that the ledger has never seen: other instances may not know that key
//! and would refuse what this instance seals. `docs/key-rotation.md` has the order that avoids
//! this.

use std::{fmt::Write as _, time::Duration};

use sha2::{Digest as _, Sha256};

use super::contract::{GrantId, GrantRecord, GrantStore, StoreError, Swap};
use crate::base::{clock::Timestamp, seal::KeyRing};

/// How long the record lives after its last change.
const NOTE_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// The number of keys to keep, newest first. A ring has two or three.
const MAX_KEYS: usize = 64;
const MAX_ATTEMPTS: usize = 8;

/// Warns if the first key of the ring is new to the ledger, and records all keys there.
pub(crate) async fn check(store: &dyn GrantStore, keys: &KeyRing, issuer: &str, now: Timestamp) {
    match note(store, keys, issuer, now).await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(
            "the ledger has never seen the first key of MCPO_SECRET: instances that do not \
             know it refuse what this instance seals. Set MCPO_SECRET=OLD,NEW on every instance \
             before NEW,OLD on any"
        ),
        // Failures of the ledger are logged where they have consequences.
        Err(error) => tracing::debug!(%error, "cannot record the keys in the ledger"),
    }
}

/// Returns false if the ledger has a record of keys and the sealing key is not one of them.
async fn note(
    store: &dyn GrantStore,
    keys: &KeyRing,
    issuer: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let id = id(issuer);
    let ours = names(keys);
    let mut was_known = true;
    for _ in 0..MAX_ATTEMPTS {
        let found = store.grant(id).await?;
        let noted = found.as_ref().map(|found| &*found.record.sealed);
        let noted: Vec<&str> = noted
            .map(|text| text.split(',').collect())
            .unwrap_or_default();
        let first = ours.first().map(String::as_str).unwrap_or_default();
        was_known &= noted.is_empty() || noted.contains(&first);
        let new = ours.iter().filter(|name| !noted.contains(&name.as_str()));
        let new: Vec<&str> = new.map(String::as_str).collect();
        if new.is_empty() {
            return Ok(was_known);
        }
        let all = [new, noted].concat();
        let sealed = all[..all.len().min(MAX_KEYS)].join(",");
        let record = GrantRecord {
            expires_at: now.plus(NOTE_LIFETIME),
            sealed,
            ..GrantRecord::first(now)
        };
        let version = found.map(|found| found.version);
        if store.swap_grant(id, version, record).await? == Swap::Done {
            return Ok(was_known);
        }
    }
    Ok(was_known)
}

/// Returns the public names of the keys, the sealing key first.
fn names(keys: &KeyRing) -> Vec<String> {
    let name = |id: [u8; 4]| {
        id.iter().fold(String::new(), |mut name, byte| {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
    };
    keys.key_ids().map(name).collect()
}

/// Returns the id of the record. Each service that uses the ledger has its own.
fn id(issuer: &str) -> GrantId {
    let digest: [u8; 32] = Sha256::digest(format!("mcpo known keys v1 {issuer}")).into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    GrantId(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::seal::test_keys::{KEY, OTHER_KEY},
        store::MemoryStore,
    };

    /// Returns for each ring, in order, whether it starts without a warning.
    async fn starts_without_warning(rings: &[&str]) -> Vec<bool> {
        let store = MemoryStore::new();
        let mut known = Vec::new();
        for ring in rings {
            let keys = KeyRing::parse(ring).unwrap();
            let now = Timestamp(4_000_000_000);
            let noted = note(&store, &keys, "https://a.example", now).await;
            known.push(noted.unwrap());
        }
        known
    }

    #[tokio::test]
    async fn sealing_key_that_is_new_to_the_ledger_is_detected() {
        let (old_new, new_old) = (format!("{KEY},{OTHER_KEY}"), format!("{OTHER_KEY},{KEY}"));
        let retired = format!("{OTHER_KEY},retired:{KEY}");
        let in_order = [KEY, KEY, &old_new, &new_old, &retired, OTHER_KEY];
        assert_eq!(starts_without_warning(&in_order).await, [true; 6]);
        assert_eq!(
            starts_without_warning(&[KEY, &new_old]).await,
            [true, false]
        );
        assert_eq!(
            starts_without_warning(&[KEY, OTHER_KEY]).await,
            [true, false]
        );
    }
}
