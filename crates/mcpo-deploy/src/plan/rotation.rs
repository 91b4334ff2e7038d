//! Names the step of a key rotation that a new version of the key ring represents.
//!
//! During a rollout, the old and the new revision both serve. A new key must therefore be known to
//! every instance before anything is encrypted with it.

/// Prefix of keys that only decrypt client ids.
const RETIRED: &str = "retired:";

/// Describes the change from one ring to another. The text never contains a key.
pub fn describe(in_use: &str, latest: &str) -> Option<&'static str> {
    let (before, after) = (keys(in_use), keys(latest));
    let (old_first, new_first) = (before.first()?, after.first()?);
    if before == after {
        return None;
    }
    let adds = after.iter().any(|key| !before.contains(key));
    let drops = before.iter().any(|key| !after.contains(key));
    Some(match (old_first == new_first, adds, drops) {
        (true, true, false) => {
            "key rotation, step 1 of 3: every instance learns the new key; next, put the new key first"
        }
        (false, false, false) => {
            "key rotation, step 2 of 3: the new key seals; next, wait until clients have refreshed, \
             then remove the old key"
        }
        (true, false, true) => {
            "key rotation, step 3 of 3: the old key is removed; clients that have not refreshed \
             since step 2 sign in again"
        }
        (false, ..) if !before.contains(new_first) => {
            "key rotation in the wrong order: the running revision does not know the first key, so \
             sign-ins and revocations fail while both revisions serve; use OLD,NEW first"
        }
        _ => "key rotation: several steps at once; clients that have not refreshed sign in again",
    })
}

/// Returns the keys that can decrypt all data; the first one is used to encrypt.
fn keys(ring: &str) -> Vec<&str> {
    let keys = ring.split(',').map(str::trim);
    keys.filter(|key| !key.is_empty() && !key.starts_with(RETIRED))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn each_rotation_step_is_described() {
        for (in_use, latest, expected) in [
            ("old", "old,new", "step 1 of 3"),
            ("old,new", "new,old", "step 2 of 3"),
            ("new,old", "new", "step 3 of 3"),
            ("new,old", "new,retired:old", "step 3 of 3"),
            ("old", "new,old", "wrong order"),
            ("old", "new", "wrong order"),
            ("old,new", "new", "several steps"),
        ] {
            let words = describe(in_use, latest).unwrap();
            assert!(words.contains(expected), "{in_use} to {latest}: {words}");
        }
        assert_eq!(describe("old", "old"), None);
        assert_eq!(describe("new,retired:old", "new"), None);
        assert_eq!(describe("", "new"), None);
    }
}
