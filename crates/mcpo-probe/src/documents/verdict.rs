//! The verdict on a document: does the library of the imitated client accept it, and those of the
//! other clients?

use super::{
    accepts::{Problem, Rejection, Response, problems},
    table::{Kind, Library, OnRejection, Table, package},
};
use crate::{
    check::Fault,
    http::Answer,
    profile::{Client, Profile},
};

/// The verdict on a document.
#[derive(Debug)]
pub enum Judgment {
    /// Every known library accepts it, and it is as specified.
    Accepted,
    /// The client can read it, but another client cannot, or it is not as specified.
    Tolerated(Fault),
    /// The client's library rejects it.
    Rejected(Fault, OnRejection),
}

impl Judgment {
    /// Returns the fault of a document that the client can read.
    pub fn warning(self) -> Option<Fault> {
        match self {
            Self::Tolerated(fault) => Some(fault),
            Self::Accepted | Self::Rejected(..) => None,
        }
    }
}

/// Judges a document that `profile` reads.
pub fn judge(kind: Kind, answer: &Answer, profile: &Profile) -> Judgment {
    let Some(table) = kind.table() else {
        return Judgment::Accepted;
    };
    let content_type = answer.header("content-type").unwrap_or_default();
    let response = Response {
        status: answer.status.as_u16(),
        content_type,
        body: &answer.body,
    };
    let own = own_library(table, kind, profile);
    if let Some((name, library)) = own
        && let Some(rejection) = first(table, Some(library), &response)
    {
        let fault = rejected(table, &rejection, profile, name);
        return Judgment::Rejected(fault, library.on_rejection);
    }
    let specified = first(table, None, &response);
    let rejections: Vec<(&str, Rejection)> = table
        .libraries
        .iter()
        .filter_map(|(name, library)| Some((&**name, shape(table, library, &response)?)))
        .collect();
    // A document may have several problems. The one that most libraries meet comes first.
    let count = |one: &Rejection| rejections.iter().filter(|(_, other)| other == one).count();
    let most = rejections
        .iter()
        .map(|(_, rejection)| count(rejection))
        .max();
    let met = rejections
        .iter()
        .map(|(_, rejection)| rejection)
        .find(|rejection| Some(count(rejection)) == most);
    let Some(reason) = met.or(specified.as_ref()) else {
        return Judgment::Accepted;
    };
    let names: Vec<String> = rejections
        .iter()
        .filter(|(_, rejection)| rejection == reason)
        .flat_map(|(name, _)| users(name))
        .collect();
    let seen = if names.is_empty() {
        format!("{reason}; all known clients tolerate it")
    } else {
        format!("{reason}; rejected by {}", names.join(", "))
    };
    Judgment::Tolerated(Fault::new(seen, reason.expected(table), reason.fix()))
}

/// Returns why the client's library cannot read a document, if it cannot.
pub fn rejected_by_own_library(kind: Kind, answer: &Answer, profile: &Profile) -> Option<String> {
    match judge(kind, answer, profile) {
        Judgment::Rejected(fault, _) => Some(fault.seen),
        Judgment::Accepted | Judgment::Tolerated(_) => None,
    }
}

fn first(
    table: &'static Table,
    library: Option<&Library>,
    response: &Response<'_>,
) -> Option<Rejection> {
    problems(table, library, response).into_iter().next()
}

/// Returns why another client's library rejects the document. Values that it does not support do
/// not count: the server answers each client with values that this client asked for.
fn shape(table: &'static Table, library: &Library, response: &Response<'_>) -> Option<Rejection> {
    let mut all = problems(table, Some(library), response).into_iter();
    all.find(|rejection| !matches!(rejection.problem, Problem::NotAllowed | Problem::Without(_)))
}

/// Returns the library that reads the document in this client, if it is known.
fn own_library<'p>(
    table: &'static Table,
    kind: Kind,
    profile: &'p Profile,
) -> Option<(&'p str, &'static Library)> {
    let name = profile.library.as_deref()?;
    let is_excepted = profile
        .library_except
        .iter()
        .any(|other| other == kind.name());
    let library = table.libraries.get(name).filter(|_| !is_excepted)?;
    Some((name, library))
}

fn rejected(table: &Table, rejection: &Rejection, profile: &Profile, library: &str) -> Fault {
    let seen = format!(
        "{}'s library ({}) rejects this document: {rejection}",
        profile.title,
        package(library)
    );
    Fault::new(seen, rejection.expected(table), rejection.fix())
}

/// Returns the clients that use `library`, or its package if none is known.
fn users(library: &str) -> Vec<String> {
    let profiles = Client::ALL
        .iter()
        .filter_map(|client| client.profile().ok());
    let users = profiles.filter(|profile| profile.library.as_deref() == Some(library));
    let titles: Vec<String> = users.map(|profile| profile.title).collect();
    if titles.is_empty() {
        vec![package(library)]
    } else {
        titles
    }
}
