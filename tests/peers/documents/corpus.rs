//! Documents with one or two defects each, made from the members that the tables list. The same in
//! each run.

use serde_json::{Map, Value, json};

pub const ISSUER: &str = "https://as.example.com";
pub const RESOURCE: &str = "https://mcp.example.com/mcp";
/// A JWT of [`ISSUER`] for `client-1`; its signature is not verified by the libraries.
const ID_TOKEN: &str = "eyJhbGciOiAiUlMyNTYifQ.eyJpc3MiOiAiaHR0cHM6Ly9hcy5leGFtcGxlLmNvbSIsICJzdWIiOiAidSIsICJhdWQiOiAiY2xpZW50LTEiLCAiaWF0IjogMTc4MDAwMDAwMCwgImV4cCI6IDQxMDI0NDQ4MDB9.c2ln";
/// How many documents have two defects.
const PAIRS: usize = 120;

macro_rules! tables {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../../../crates/mcpo-probe/src/documents/", $name, ".json")))),+]
    };
}

const TABLES: [(&str, &str); 6] = tables!(
    "protected-resource",
    "authorization-server",
    "openid-configuration",
    "registration",
    "token",
    "token-error"
);

/// A response with a document.
pub struct Case {
    pub document: &'static str,
    /// What is wrong with it.
    pub name: String,
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Case {
    /// Returns the line that the scripts read.
    pub fn line(&self) -> String {
        let line = json!({
            "document": self.document,
            "status": self.status,
            "content_type": self.content_type,
            "body": self.body,
        });
        format!("{line}\n")
    }
}

/// Returns every document of the test.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (document, table) in TABLES {
        let table: Value = serde_json::from_str(table).unwrap();
        let status = match document {
            "registration" => 201,
            "token-error" => 400,
            _ => 200,
        };
        let valid = valid(&table);
        let case = |name: &str, body: String| Case {
            document,
            name: name.to_owned(),
            status,
            content_type: "application/json",
            body,
        };
        cases.push(case("valid", text(&valid)));
        let defects = defects(&table, &valid);
        for (name, defect) in &defects {
            let mut members = valid.clone();
            defect(&mut members);
            cases.push(case(name, text(&members)));
        }
        for (first, second) in pairs(defects.len()) {
            let mut members = valid.clone();
            defects[first].1(&mut members);
            defects[second].1(&mut members);
            let name = format!("{}, {}", defects[first].0, defects[second].0);
            cases.push(case(&name, text(&members)));
        }
        cases.extend(responses(&case, &valid));
    }
    cases
}

fn text(members: &Map<String, Value>) -> String {
    Value::Object(members.clone()).to_string()
}

/// Returns a document with all members.
fn valid(table: &Value) -> Map<String, Value> {
    let members = table["members"].as_array().unwrap().iter();
    let named = members.map(|member| {
        let name = member["name"].as_str().unwrap();
        (
            name.to_owned(),
            value(name, member["type"].as_str().unwrap()),
        )
    });
    named.collect()
}

fn value(name: &str, kind: &str) -> Value {
    match name {
        "issuer" => json!(ISSUER),
        "authorization_servers" => json!([ISSUER]),
        "resource" => json!(RESOURCE),
        "redirect_uris" => json!(["http://127.0.0.1:33418/callback"]),
        "response_types_supported" | "response_types" => json!(["code"]),
        "code_challenge_methods_supported" => json!(["S256"]),
        "grant_types" | "grant_types_supported" => json!(["authorization_code", "refresh_token"]),
        "token_endpoint_auth_methods_supported" => {
            json!(["none", "client_secret_basic", "client_secret_post"])
        }
        "token_endpoint_auth_method" => json!("client_secret_basic"),
        "application_type" => json!("native"),
        "client_id" => json!("client-1"),
        "client_secret_expires_at" => json!(0),
        "token_type" => json!("Bearer"),
        "id_token" => json!(ID_TOKEN),
        "error" => json!("invalid_grant"),
        _ => match kind {
            "url" => json!(format!("{ISSUER}/{name}")),
            "list" => json!(["item"]),
            "list of urls" => json!([format!("{ISSUER}/{name}")]),
            "number" => json!(3_600),
            "bool" => json!(true),
            "object" => json!({"keys": []}),
            _ => json!("text"),
        },
    }
}

type Defect = (String, Box<dyn Fn(&mut Map<String, Value>)>);

/// Returns every defect of every member.
fn defects(table: &Value, valid: &Map<String, Value>) -> Vec<Defect> {
    let mut found: Vec<Defect> = Vec::new();
    for member in table["members"].as_array().unwrap() {
        let name = member["name"].as_str().unwrap().to_owned();
        assert!(valid.contains_key(&name), "{name}");
        let absent = name.clone();
        found.push((
            format!("{name} absent"),
            Box::new(move |members| {
                members.remove(&absent);
            }),
        ));
        for wrong in wrong_values(&name, member["type"].as_str().unwrap()) {
            let name = name.clone();
            found.push((
                format!("{name} {wrong}"),
                Box::new(move |members| {
                    members.insert(name.clone(), wrong.clone());
                }),
            ));
        }
    }
    found
}

fn wrong_values(name: &str, kind: &str) -> Vec<Value> {
    let mut wrong = match kind {
        "url" => json!([null, 7, ["https://x.example.com"], "", "not a url"]),
        "list" => json!([null, "a b", 7, [], [7], [null]]),
        "list of urls" => {
            json!([
                null,
                "https://x.example.com",
                7,
                [],
                [7],
                [null],
                ["not a url"]
            ])
        }
        "bool" => json!([null, "true", 1]),
        "number" => json!([null, "3600", [1]]),
        "object" => json!([null, "{}", 7]),
        _ => json!([null, 7, ["a"], ""]),
    };
    let wrong = wrong.as_array_mut().unwrap();
    match name {
        "expires_in" => wrong.extend([json!("soon"), json!(-1), json!(3599.5)]),
        "token_type" => wrong.extend([json!("bearer"), json!("mac")]),
        "token_endpoint_auth_method" => {
            wrong.extend(["none", "client_secret_post", "private_key_jwt"].map(|name| json!(name)));
        }
        "response_types_supported" => wrong.push(json!(["token"])),
        "code_challenge_methods_supported" => wrong.push(json!(["plain"])),
        "error" => wrong.extend([json!("invalid_client"), json!("made_up")]),
        _ => {}
    }
    std::mem::take(wrong)
}

/// Returns pairs of different numbers below `count`.
fn pairs(count: usize) -> Vec<(usize, usize)> {
    let mut state: usize = 1;
    let mut next = || {
        // Numerical Recipes' linear congruential generator.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
        (state >> 16) % count
    };
    let all = std::iter::repeat_with(|| (next(), next()));
    all.filter(|(one, other)| one != other)
        .take(PAIRS / TABLES.len())
        .collect()
}

/// Returns responses whose defect is not in a member.
fn responses(case: &dyn Fn(&str, String) -> Case, valid: &Map<String, Value>) -> Vec<Case> {
    let mut found = Vec::new();
    let usual = case("", String::new()).status;
    for status in [200, 201, 202, 400, 401] {
        if status != usual {
            let name = format!("status {status}");
            found.push(Case {
                status,
                ..case(&name, text(valid))
            });
        }
    }
    for content_type in ["text/html", "application/json; charset=utf-8"] {
        found.push(Case {
            content_type,
            ..case(content_type, text(valid))
        });
    }
    for (name, body) in [
        ("page", "<html></html>"),
        ("list", "[]"),
        ("empty body", ""),
    ] {
        found.push(case(name, body.to_owned()));
    }
    found.push(case("byte order mark", format!("\u{feff}{}", text(valid))));
    let mut unknown = valid.clone();
    unknown.insert("x_vendor".to_owned(), Value::Null);
    found.push(case("an unknown member", text(&unknown)));
    found
}
