//! Google Public DNS over HTTPS, with the records of the test.
//! <https://developers.google.com/speed/public-dns/docs/doh/json>

use serde_json::json;

use super::{
    Cloud,
    http::{Reply, Request},
};

/// The types that clients ask for, with their numbers (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 8659
/// §4.1).
const TYPES: [(&str, u16); 5] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("AAAA", 28),
    ("CAA", 257),
];
const NXDOMAIN: u16 = 3;

/// Answers a query. Aliases are followed, as a resolver does.
pub fn resolve(cloud: &Cloud, request: &Request) -> Reply {
    let query = |name: &str| {
        let values = request.query.get(name)?;
        values.first().cloned()
    };
    let name = query("name").unwrap_or_default();
    let kind = query("type").unwrap_or_else(|| "A".to_owned());
    let Some((kind, number)) = TYPES.iter().find(|(known, _)| *known == kind) else {
        return Reply::json(400, &json!({ "Status": 1 }), None);
    };
    let state = cloud.state();
    let records = |name: &str, kind: &str| {
        let found = state.dns.get(&(name.to_owned(), kind.to_owned()));
        found.cloned().unwrap_or_default()
    };
    let mut owner = name.trim_end_matches('.').to_owned();
    let mut answers = Vec::new();
    for _ in 0..8 {
        let Some(target) = records(&owner, "CNAME").first().cloned() else {
            break;
        };
        answers.push(json!({ "name": format!("{owner}."), "type": 5, "TTL": 300, "data": target }));
        target.trim_end_matches('.').clone_into(&mut owner);
    }
    if *kind != "CNAME" {
        let found = records(&owner, kind).into_iter();
        answers.extend(found.map(
            |data| json!({ "name": format!("{owner}."), "type": number, "TTL": 300, "data": data }),
        ));
    }
    let exists = state.dns.keys().any(|(known, _)| *known == owner);
    let status = if exists { 0 } else { NXDOMAIN };
    let mut answer = json!({
        "Status": status, "TC": false, "RD": true, "RA": true, "AD": false, "CD": false,
        "Question": [{ "name": format!("{}.", name.trim_end_matches('.')), "type": number }],
    });
    if !answers.is_empty() {
        answer["Answer"] = answers.into();
    }
    Reply::json(200, &answer, None)
}
