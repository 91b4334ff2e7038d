//! Which revisions serve, and which share of the requests each of them gets.

use crate::google::api::run::{AllocationType, TrafficTarget};

/// The short names of revisions and their shares in percent.
pub type Shares = Vec<(String, i64)>;

/// Returns the names of the revisions, for messages.
pub fn names_of(shares: &[(String, i64)]) -> String {
    let names: Vec<_> = shares.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

/// Returns the revision with the largest share.
pub fn main_of(shares: &[(String, i64)]) -> Option<&str> {
    let main = shares.iter().max_by_key(|(_, share)| *share);
    main.map(|(name, _)| name.as_str())
}

/// Returns the shares of the other revisions.
pub fn without(shares: &[(String, i64)], revision: &str) -> Shares {
    let others = shares.iter().filter(|(name, _)| name != revision);
    others.cloned().collect()
}

/// Describes a traffic allocation.
pub fn allocation(traffic: &[TrafficTarget]) -> String {
    let targets: Vec<_> = traffic
        .iter()
        .map(|target| {
            let is_named = target.kind != AllocationType::Latest && !target.revision.is_empty();
            let who = if is_named {
                target.revision.as_str()
            } else {
                "latest"
            };
            match &*target.tag {
                tag if !tag.is_empty() && target.percent == 0 => format!("{tag} at {who}"),
                _ => format!("{} % {who}", target.percent),
            }
        })
        .collect();
    if targets.is_empty() {
        "100 % latest".to_owned()
    } else {
        targets.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::{main_of, names_of, without};

    #[test]
    fn largest_share_is_the_main_one() {
        let shares = [("a", 5), ("b", 85), ("c", 10)].map(|(name, share)| (name.to_owned(), share));
        assert_eq!(main_of(&shares), Some("b"));
        let others = without(&shares, "b");
        assert_eq!(main_of(&others), Some("c"));
        assert_eq!(names_of(&others), "a, c");
        assert_eq!(main_of(&[]), None);
    }
}
