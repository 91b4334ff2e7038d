//! Decides whether a library accepts a document.

use serde_json::{Map, Value};

use super::{
    table::{Kind, Library, Member, Table, When},
    value::{Defect, Type, defects},
};

/// A response that contains a document.
#[derive(Clone, Copy, Debug)]
pub struct Response<'r> {
    pub status: u16,
    pub content_type: &'r str,
    pub body: &'r [u8],
}

/// Why a document is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    Status(u16),
    ContentType,
    ByteOrderMark,
    NotJson,
    /// JSON, but not an object.
    NotAnObject,
    Missing,
    /// A defect of the value, and the JSON type of the value in words.
    Value(Defect, &'static str),
    /// A list without the item that it must have.
    Without(String),
    /// A text that is not one of those that are allowed.
    NotAllowed,
}

/// A problem, and the member that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// `None` if the problem is not about a member.
    pub member: Option<&'static Member>,
    pub problem: Problem,
}

impl Rejection {
    const fn of_response(problem: Problem) -> Self {
        Self {
            member: None,
            problem,
        }
    }
}

/// Returns whether a library accepts a document, for the test that compares the tables with the
/// libraries. `Err` has the reason. `None` if there is no table.
#[must_use]
pub fn library_accepts(
    document: &str,
    library: &str,
    status: u16,
    content_type: &str,
    body: &str,
) -> Option<Result<(), String>> {
    let mut kinds = Kind::TABLES.into_iter();
    let table = kinds.find(|kind| kind.name() == document)?.table()?;
    let library = table.libraries.get(library)?;
    let response = Response {
        status,
        content_type,
        body: body.as_bytes(),
    };
    let first = problems(table, Some(library), &response).into_iter().next();
    Some(first.map_or(Ok(()), |rejection| Err(rejection.to_string())))
}

/// Returns the problems that `library` has with a document, or `None`: those that the
/// specification has with it. If a document cannot be parsed, that is the only problem.
pub fn problems(
    table: &'static Table,
    library: Option<&Library>,
    response: &Response<'_>,
) -> Vec<Rejection> {
    match parsed(table, library, response) {
        Ok(Some(object)) => {
            let members = table.members.iter();
            let found = members.flat_map(|member| {
                let problems = of_member(table, member, library, &object);
                problems.into_iter().map(move |problem| Rejection {
                    member: Some(member),
                    problem,
                })
            });
            found.collect()
        }
        Ok(None) => Vec::new(),
        Err(problem) => vec![Rejection::of_response(problem)],
    }
}

/// Returns the object in the body, or `None` if the library does not read it.
fn parsed(
    table: &Table,
    library: Option<&Library>,
    response: &Response<'_>,
) -> Result<Option<Map<String, Value>>, Problem> {
    let statuses = library.map_or(&table.status, |library| &library.status);
    let is_allowed = |[first, last]: &[u16; 2]| (*first..=*last).contains(&response.status);
    if !statuses.iter().any(is_allowed) {
        return Err(Problem::Status(response.status));
    }
    let required = library.map_or(Some("application/json"), |library| {
        library.content_type.as_deref()
    });
    let media_type = response.content_type.split(';').next().unwrap_or_default();
    if required.is_some_and(|required| !media_type.trim().eq_ignore_ascii_case(required)) {
        return Err(Problem::ContentType);
    }
    if library.is_some_and(|library| !library.reads_body) {
        return Ok(None);
    }
    let body = without_byte_order_mark(response.body);
    if body.len() < response.body.len()
        && library.is_none_or(|library| library.rejects_byte_order_mark)
    {
        return Err(Problem::ByteOrderMark);
    }
    object(body).map(Some)
}

/// Returns the object in `body`.
pub fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(without_byte_order_mark(body)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::NotAnObject),
        Err(_) => Err(Problem::NotJson),
    }
}

fn without_byte_order_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn of_member(
    table: &Table,
    member: &Member,
    library: Option<&Library>,
    object: &Map<String, Value>,
) -> Vec<Problem> {
    let Some(value) = object.get(&member.name) else {
        let missing = is_required(member, library, object);
        return missing.then_some(Problem::Missing).into_iter().collect();
    };
    let entry = library.and_then(|library| library.members.get(&member.name));
    let conditions: Vec<&When> = entry
        .into_iter()
        .flat_map(|entry| &entry.when)
        .filter(|when| when.holds(object))
        .collect();
    let is_rejected = |chain: &[Defect]| {
        let by_condition = conditions
            .iter()
            .find_map(|when| decision(&[], &when.rejects, chain));
        by_condition
            .or_else(|| entry.and_then(|entry| decision(&entry.accepts, &entry.rejects, chain)))
            .or_else(|| library.and_then(|own| decision(&own.accepts, &own.rejects, chain)))
            .or_else(|| decision(&[], &table.rejects, chain))
            .unwrap_or(false)
    };
    let chains = defects(member.kind, value).into_iter();
    let mut found: Vec<Problem> = chains
        .filter(|chain| is_rejected(chain))
        .filter_map(|chain| Some(Problem::Value(*chain.first()?, type_name(value))))
        .collect();
    if let Some(entry) = entry {
        match (value, &entry.contains, &entry.one_of) {
            (Value::Array(items), Some(item), _) if !items.iter().any(|own| own == item) => {
                found.push(Problem::Without(item.clone()));
            }
            (Value::String(text), _, Some(allowed))
                if !text.is_empty()
                    && !allowed.iter().any(|other| other.eq_ignore_ascii_case(text)) =>
            {
                found.push(Problem::NotAllowed);
            }
            _ => {}
        }
    }
    found
}

/// Returns whether a level of a table rejects a defect, if it mentions it. The special case counts
/// before the general one.
fn decision(accepts: &[Defect], rejects: &[Defect], chain: &[Defect]) -> Option<bool> {
    chain.iter().rev().find_map(|defect| {
        if rejects.contains(defect) {
            Some(true)
        } else {
            accepts.contains(defect).then_some(false)
        }
    })
}

fn is_required(member: &Member, library: Option<&Library>, object: &Map<String, Value>) -> bool {
    let holding = |conditions: &[When]| {
        let mut holding = conditions.iter().filter(|when| when.holds(object));
        holding.find_map(|when| when.required)
    };
    let Some(library) = library else {
        return member.required || holding(&member.when).unwrap_or(false);
    };
    let entry = library.members.get(&member.name);
    entry
        .and_then(|entry| holding(&entry.when).or(entry.required))
        .or(library.required)
        .unwrap_or(member.required)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns true if `problem` is about the JSON type of a value.
pub const fn is_type_error(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Value(Defect::WrongType | Defect::WrongItem | Defect::NullItem, _)
    )
}

/// Returns true if the member is true or false.
pub fn is_flag(member: &Member) -> bool {
    member.kind == Type::Bool
}

#[cfg(test)]
mod tests {
    use super::library_accepts;

    const SDK: &str = "typescript-sdk@1.32.2";
    const PYTHON: &str = "python-mcp@2.3.0";
    const OAUTH: &str = "oauth4webapi@3.8.8";

    fn reason(document: &str, library: &str, status: u16, body: &str) -> String {
        let verdict = library_accepts(document, library, status, "application/json", body);
        verdict.unwrap().err().unwrap_or_default()
    }

    #[test]
    fn libraries_differ_about_null_and_status() {
        let body = r#"{"access_token": "a", "token_type": "Bearer", "refresh_token": null}"#;
        assert_eq!(reason("token", SDK, 200, body), "`refresh_token` is null");
        assert_eq!(reason("token", PYTHON, 200, body), "");
        let body = r#"{"access_token": "a", "token_type": "Bearer"}"#;
        assert_eq!(reason("token", SDK, 201, body), "");
        assert_eq!(reason("token", OAUTH, 201, body), "HTTP 201");
    }

    #[test]
    fn text_of_a_number_is_a_separate_case() {
        let body = |value: &str| {
            format!(r#"{{"access_token": "a", "token_type": "Bearer", "expires_in": {value}}}"#)
        };
        for library in [SDK, PYTHON, OAUTH] {
            assert_eq!(reason("token", library, 200, &body("\"3600\"")), "");
            let wrong = "`expires_in` is text, not a number";
            assert_eq!(reason("token", library, 200, &body("\"soon\"")), wrong);
        }
        assert_eq!(
            reason("token", PYTHON, 200, &body("1.5")),
            "`expires_in` is not a whole number"
        );
        let negative = "`expires_in` is negative";
        assert_eq!(reason("token", OAUTH, 200, &body("-1")), negative);
    }

    #[test]
    fn a_secret_is_required_only_with_some_methods() {
        let body = |method: &str| {
            format!(
                r#"{{"client_id": "c", "redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "{method}"}}"#
            )
        };
        let missing = "`client_secret` is missing";
        let basic = body("client_secret_basic");
        assert_eq!(reason("registration", SDK, 201, &basic), missing);
        assert_eq!(reason("registration", SDK, 201, &body("none")), "");
        assert_eq!(reason("registration", OAUTH, 201, &basic), "");
        let other = "`token_endpoint_auth_method` has a value that is not supported";
        assert_eq!(
            reason("registration", PYTHON, 201, &body("private_key_jwt")),
            other
        );
    }

    #[test]
    fn a_body_is_read_only_if_the_library_reads_it() {
        assert_eq!(reason("token-error", PYTHON, 400, "<html>"), "");
        assert_eq!(reason("token-error", SDK, 400, "<html>"), "not JSON");
        assert_eq!(reason("token-error", SDK, 400, "[]"), "not a JSON object");
        assert_eq!(library_accepts("other", SDK, 200, "", ""), None);
    }
}
