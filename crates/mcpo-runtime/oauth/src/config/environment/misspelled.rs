//! Finds variables that are most likely misspelled. The server ignores them: without the warning,
//! `ADMIN_PASSWROD` would leave a server open.

/// All variables that a server reads and whose names have one of the prefixes below.
const KNOWN: [&str; 50] = [
    "ADMIN_PASSWORD",
    "ADMIN_PASSWORD_HASH",
    "GITHUB_ALLOWED_IDS",
    "GITHUB_ALLOWED_LOGINS",
    "GITHUB_ALLOWED_ORGS",
    "GITHUB_ALLOWED_TEAMS",
    "GITHUB_API_URL",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
    "GITHUB_SCOPES",
    "GITHUB_SERVER_URL",
    "MCPO_ACCENT_COLOR",
    "MCPO_ALLOWED_ORIGINS",
    "MCPO_AUDIENCE",
    "MCPO_AUTHORIZATION_SERVER",
    "MCPO_CA",
    "MCPO_CLIENTS",
    "MCPO_DEV",
    "MCPO_DEV_LEAD",
    "MCPO_DEV_SELF_TEST",
    "MCPO_DEV_WIRE",
    "MCPO_GRANTS_NOT_BEFORE",
    "MCPO_HOSTS",
    "MCPO_LEDGER",
    "MCPO_LEDGER_CA",
    "MCPO_LEDGER_PLAINTEXT",
    "MCPO_LEDGER_PREFIX",
    "MCPO_LOG",
    "MCPO_LOGO",
    "MCPO_OPENAI_CHALLENGE",
    "MCPO_OPEN_LISTING",
    "MCPO_OPEN_TO_ANYONE",
    "MCPO_PRIVACY_URL",
    "MCPO_PUBLIC_CLIENTS",
    "MCPO_SCOPE_CLAIM",
    "MCPO_SCOPE_MAP",
    "MCPO_SECRET",
    "MCPO_STATE_DIR",
    "MCPO_SUPPORT_URL",
    "MCPO_TITLE",
    "MCPO_TRUSTED_PROXIES",
    "OIDC_ALLOWED_DOMAINS",
    "OIDC_ALLOWED_EMAILS",
    "OIDC_ALLOWED_GROUPS",
    "OIDC_ALLOWED_SUBJECTS",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_GROUPS_CLAIM",
    "OIDC_ISSUER",
    "OIDC_SCOPES",
];
const PREFIXES: [&str; 4] = ["ADMIN_", "GITHUB_", "MCPO_", "OIDC_"];
/// A longer name is not compared.
const MAX_LEN: usize = 64;
/// How many edits a misspelled name may have. Names that other programs set, such as
/// `GITHUB_TOKEN`, differ more.
const MAX_EDITS: usize = 2;

/// Logs a warning for each misspelled variable. Its value is not logged.
pub(super) fn warn(names: impl Iterator<Item = String>) {
    for name in names {
        if let Some(meant) = meant_by(&name) {
            tracing::warn!(
                name,
                did_you_mean = meant,
                "unknown variable; it has no effect"
            );
        }
    }
}

/// Returns the variable that the user most likely meant with a misspelled name.
fn meant_by(name: &str) -> Option<&'static str> {
    let is_ours = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if !is_ours || name.len() > MAX_LEN || KNOWN.contains(&name) {
        return None;
    }
    let distances = KNOWN.iter().map(|known| (edits(name, known), *known));
    let (distance, nearest) = distances.min()?;
    (distance <= MAX_EDITS).then_some(nearest)
}

/// Returns the number of insertions, deletions, replacements and swaps of neighbors between two
/// texts (the optimal string alignment distance).
fn edits(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, right) in other.iter().enumerate() {
            let replaced = above[column] + usize::from(left != right);
            let added = above[column + 1].min(current[column]) + 1;
            let mut best = replaced.min(added);
            let is_swap =
                row > 0 && column > 0 && *left == other[column - 1] && one[row - 1] == *right;
            if is_swap {
                let before: &Vec<usize> = &before;
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_names_are_found_and_those_of_other_programs_are_not() {
        for (name, expected) in [
            ("ADMIN_PASSWROD", Some("ADMIN_PASSWORD")),
            ("ADMIN_PASWORD", Some("ADMIN_PASSWORD")),
            ("MCPO_SECRETS", Some("MCPO_SECRET")),
            ("OIDC_ISUER", Some("OIDC_ISSUER")),
            ("GITHUB_CLIENTID", Some("GITHUB_CLIENT_ID")),
            ("ADMIN_PASSWORD", None),
            ("GITHUB_TOKEN", None),
            ("GITHUB_REF", None),
            ("GITHUB_ACTIONS", None),
            ("GITHUB_WORKSPACE", None),
            ("MCPO_PROBE_PASSWORD", None),
            ("MCPO_BIN", None),
            ("PASSWORD", None),
        ] {
            assert_eq!(meant_by(name), expected, "{name}");
        }
        assert_eq!(edits("", "ab"), 2);
        assert_eq!(edits("port", "prot"), 1);
    }

    #[test]
    fn all_documented_names_are_known() {
        assert!(KNOWN.is_sorted());
        let documented = include_str!("mod.rs").lines();
        let documented = documented.filter(|line| line.trim_start().starts_with("/// | `"));
        for name in documented.flat_map(|line| line.split('`')) {
            let is_name = name.bytes().all(|c| c.is_ascii_uppercase() || c == b'_');
            if is_name && PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
                assert!(KNOWN.contains(&name), "{name}");
            }
        }
    }
}
