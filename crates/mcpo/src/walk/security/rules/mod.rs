//! The catalogue of attempts: what each one is called, rests on, expects, and how it is mended.

use crate::walk::rules::Rule;

/// What a server guarantees to the people who use it.
#[derive(Debug)]
pub struct Guarantee {
    pub rule: Rule,
    pub expected: &'static str,
    pub mend: &'static str,
}

macro_rules! guarantees {
    ($($name:ident: $id:literal, $title:literal, $clause:literal, $expected:literal, $mend:literal;)+) => {
        $(pub static $name: Guarantee = Guarantee {
            rule: Rule { id: $id, title: $title, clause: $clause, security: true },
            expected: $expected,
            mend: $mend,
        };)+

        /// These, in the order in which they are tried.
        pub static ALL: &[&Guarantee] = &[$(&$name),+];
    };
}

mod grants;
pub use self::grants::*;
mod surface;
pub use self::surface::*;

/// Every attempt, in the order in which they are made.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let all = grants::ALL.iter().chain(surface::ALL);
    all.map(|guarantee| &guarantee.rule)
}
