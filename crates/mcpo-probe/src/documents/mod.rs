//! The documents of OAuth servers, and which client libraries accept them.
//!
//! The facts are data, one table per document; no other code knows a library by name.
//! `tests/peers/documents.rs` compares the tables with the libraries.

mod accepts;
mod diagnosis;
mod read;
mod table;
mod value;
mod verdict;
mod words;

pub use self::{
    accepts::library_accepts,
    diagnosis::{has_comma_separated_scopes, token_problem},
    read::{read, unreadable},
    table::{Kind, OnRejection},
    verdict::{Judgment, judge, rejected_by_own_library},
};
