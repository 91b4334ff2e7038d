//! Secrets that nobody has to think of. What is made for a secret can be told from what a person
//! puts there, so that two first deployments at once cannot be taken for a change of keys.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Failure, Outcome},
    walk::Secret,
};

/// A kind of secret that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// What a person types, or rather pastes.
    Password,
    /// What the runtime seals with.
    KeyRing,
}

/// The last bytes follow from the secret's id and the random ones before them.
const MARK_LEN: usize = 4;

impl Made {
    /// A new one for the secret of this id.
    pub fn make(self, id: &str) -> Outcome<Secret> {
        let mut bytes = vec![0; self.len()];
        let (random, mark) = bytes.split_at_mut(self.len() - MARK_LEN);
        getrandom::fill(random)
            .map_err(|error| Failure::new("failed to get random bytes").because(&error))?;
        mark.copy_from_slice(&mark_of(id, random));
        Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whether `make` made it, for this secret.
    pub fn has_made(self, id: &str, value: &Secret) -> bool {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(value.expose());
        bytes.is_ok_and(|bytes| {
            let random = bytes.len().saturating_sub(MARK_LEN);
            let (random, mark) = bytes.split_at(random);
            bytes.len() == self.len() && mark == mark_of(id, random)
        })
    }

    /// In bytes, the mark among them; 136 and 224 bits are random.
    const fn len(self) -> usize {
        match self {
            Self::Password => 21,
            Self::KeyRing => 32,
        }
    }
}

fn mark_of(id: &str, random: &[u8]) -> [u8; MARK_LEN] {
    let hash = Sha256::new()
        .chain_update(b"made by mcpo deploy for ")
        .chain_update(id)
        .chain_update([0])
        .chain_update(random)
        .finalize();
    let mut mark = [0; MARK_LEN];
    mark.copy_from_slice(&hash[..MARK_LEN]);
    mark
}

#[cfg(test)]
mod tests {
    use super::Made;
    use crate::walk::Secret;

    #[test]
    fn what_was_made_is_known_again_and_nothing_else() {
        for kind in [Made::Password, Made::KeyRing] {
            let made = kind.make("a").unwrap();
            assert!(kind.has_made("a", &made));
            assert!(!kind.has_made("b", &made), "of another secret");
            let rotated = Secret::new(format!("{0},{0}", made.expose()));
            assert!(!kind.has_made("a", &rotated), "a ring with a key in front");
            for other in ["", "AAAA", "hunter2", Secret::random().unwrap().expose()] {
                assert!(!kind.has_made("a", &Secret::new(other)));
            }
        }
    }
}
