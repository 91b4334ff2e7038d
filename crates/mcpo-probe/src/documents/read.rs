//! Reads the members that the probe needs, more tolerantly than clients do, so that the probe can
//! go on after a warning.

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{
    accepts::{Problem, Rejection, Response, is_flag, is_type_error, object, problems},
    table::Kind,
};
use crate::{check::Fault, http::Answer};

/// Reads a document without the members that are null, and without flags of another type.
pub fn read<T: DeserializeOwned>(kind: Kind, answer: &Answer) -> Result<T, Rejection> {
    let unreadable = |problem| Rejection {
        member: None,
        problem,
    };
    let mut members = object(&answer.body).map_err(unreadable)?;
    members.retain(|_, value| !value.is_null());
    let Some(table) = kind.table() else {
        return Err(unreadable(Problem::NotJson));
    };
    let body = Value::Object(members.clone()).to_string();
    let response = Response {
        // Only the members matter here.
        status: table.status.first().map_or(200, |[first, _]| *first),
        content_type: "application/json",
        body: body.as_bytes(),
    };
    let wrong = problems(table, None, &response);
    let wrong = wrong
        .into_iter()
        .filter(|found| is_type_error(&found.problem));
    let (flags, wrong): (Vec<_>, Vec<_>) =
        wrong.partition(|found| found.member.is_some_and(is_flag));
    for flag in flags.iter().filter_map(|found| found.member) {
        members.remove(&flag.name);
    }
    if let Ok(document) = serde_json::from_value(Value::Object(members.clone())) {
        return Ok(document);
    }
    // Find the member that the probe cannot read: without it, the others can be read.
    for found in wrong {
        if let Some(member) = found.member {
            members.remove(&member.name);
            if serde_json::from_value::<T>(Value::Object(members.clone())).is_ok() {
                return Err(found);
            }
        }
    }
    Err(unreadable(Problem::NotJson))
}

/// Describes a metadata document that cannot be read.
pub fn unreadable(kind: Kind, url: &Url, answer: &Answer, rejection: &Rejection) -> Fault {
    if rejection.problem == Problem::NotJson {
        let error = answer.json::<Value>().err();
        let error = error.map_or_else(|| "not JSON".to_owned(), |error| error.to_string());
        let seen = format!("{url}: {error} in: {}", answer.text());
        let hint = "answer with the JSON document itself, not with a page";
        return Fault::new(seen, "a JSON document", hint);
    }
    let expected = kind.table().map(|table| rejection.expected(table));
    Fault::new(
        format!("{url}: {rejection}"),
        expected.unwrap_or_default(),
        rejection.fix(),
    )
}
