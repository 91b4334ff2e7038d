//! Which revisions serve, and which share of the requests each of them gets.

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
