//! Makes the tag of a preview from a name, such as that of a branch.

use mcpo_common::error::{Failure, Outcome};

use crate::{image::digest, names::Names, traffic};

/// The variables of CI systems for the branch: of a pull request and of a push on GitHub, and
/// on GitLab.
const BRANCH: [&str; 3] = ["GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"];
/// The number of hexadecimal digits that make tags of similar names different.
const DIGITS: usize = 6;
/// Below this length, tags would consist of little more than the digits.
const SHORTEST: usize = 10;

/// Returns the name of the preview: the given one, or the branch if CI runs mcpo.
pub fn given_name(given: &str) -> Outcome<String> {
    if !given.is_empty() {
        return Ok(given.to_owned());
    }
    let branch = BRANCH.iter().find_map(|name| {
        let value = std::env::var(name).ok();
        value.filter(|value| !value.is_empty())
    });
    branch.ok_or_else(|| {
        Failure::new("missing name of the preview")
            .hint("use --preview NAME; in CI, the default is the name of the branch")
    })
}

/// Returns the tag for a name. Fails if the name of the service leaves no room for a tag in the
/// host name.
pub fn tag(name: &str, names: &Names) -> Outcome<String> {
    let room = names.room_for_tag();
    if room < SHORTEST {
        let what = format!(
            "the name of the service {} is too long for the address of a preview",
            names.service_id
        );
        return Err(Failure::new(what).hint("choose a shorter name with --service"));
    }
    Ok(tag_within(name, room))
}

/// Names that are valid tags stay as they are. Others are changed, and get digits of their digest:
/// two names never have the same tag just because they have the same letters.
fn tag_within(name: &str, room: usize) -> String {
    let mut plain = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            plain.push(c);
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    let plain = plain.trim_end_matches('-');
    let plain = match plain.chars().next() {
        Some(first) if first.is_ascii_lowercase() => plain.to_owned(),
        // A tag starts with a letter.
        _ => format!("p-{plain}"),
    };
    if plain == name && plain.len() <= room && !is_reserved(name) {
        return plain;
    }
    let hash = digest(name.as_bytes());
    let hash = &hash["sha256:".len()..][..DIGITS];
    let short = plain.get(..room - DIGITS - 1).unwrap_or(&plain);
    format!("{}-{hash}", short.trim_end_matches('-'))
}

/// Returns true for the tags that other commands use.
fn is_reserved(name: &str) -> bool {
    [traffic::CHECK_TAG, traffic::NEXT_TAG, traffic::CANARY_TAG].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::tag_within;

    #[test]
    fn branch_names_become_distinct_valid_tags() {
        for name in ["pr-7", "login", "a1-b2"] {
            assert_eq!(tag_within(name, 40), name);
        }
        let names = [
            "feature/login",
            "feature-Login",
            "feature/login ",
            "7-fix",
            "-",
            "",
            "ä",
            "next",
            "mcpo",
            "canary",
            "dependabot/cargo/serde-1.0.219-and-many-other-crates",
            "dependabot/cargo/serde-1.0.219-and-many-other-crates-2",
        ];
        let tags: Vec<_> = names.iter().map(|name| tag_within(name, 40)).collect();
        for (name, tag) in names.iter().zip(&tags) {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(tag.starts_with(|c: char| c.is_ascii_lowercase()), "{tag}");
            assert!(tag.chars().all(plain) && !tag.ends_with('-'), "{tag}");
            assert!(tag.len() <= 40 && tag != name, "{tag}");
            assert_eq!(tags.iter().filter(|other| *other == tag).count(), 1);
        }
        assert!(tags[0].starts_with("feature-login-"), "{}", tags[0]);
        assert!(tags[3].starts_with("p-7-fix-"), "{}", tags[3]);
    }
}
