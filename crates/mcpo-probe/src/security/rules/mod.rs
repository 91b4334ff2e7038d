//! The catalogue of attempts: titles, clauses, expected results and fixes.

use crate::rules::Rule;

/// A property that a server guarantees to its users.
#[derive(Debug)]
pub struct Guarantee {
    pub rule: Rule,
    pub expected: &'static str,
    pub fix: &'static str,
}

macro_rules! guarantees {
    ($($name:ident: $id:literal, $title:literal, $clause:literal, $expected:literal, $fix:literal;)+) => {
        $(pub static $name: Guarantee = Guarantee {
            rule: Rule { id: $id, title: $title, clause: $clause, security: true },
            expected: $expected,
            fix: $fix,
        };)+

        /// The guarantees of this file, in the order in which they are tested.
        pub static ALL: &[&Guarantee] = &[$(&$name),+];
    };
}

mod grants;
pub use self::grants::*;
mod surface;
pub use self::surface::*;

/// Returns every attempt, in the order in which they are made.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let all = grants::ALL.iter().chain(surface::ALL);
    all.map(|guarantee| &guarantee.rule)
}
