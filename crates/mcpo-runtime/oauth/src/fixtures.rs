//! Checks that texts sealed by earlier versions can still be opened.
//!
//! `fixtures/sealed.json` has one text of each kind, with the payload that it contains. Texts are
//! never changed: when a layout changes, add a new text next to the old one.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    base::seal::{KeyRing, Sealable},
    endpoints::browser_session::{Browser, Form},
    oauth::{
        client::Registration,
        grant::{AccessToken, Code, RefreshToken},
    },
    upstream::SignInRecord,
};

const FIXTURES: &str = include_str!("fixtures/sealed.json");

#[derive(serde::Deserialize)]
struct Fixtures {
    /// The key ring that sealed all texts.
    keys: String,
    sealed: Vec<Fixture>,
}

#[derive(serde::Deserialize)]
struct Fixture {
    name: String,
    kind: String,
    payload: Value,
    /// Empty in a new fixture that has not been sealed yet.
    text: String,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(FIXTURES).unwrap()
}

/// Calls `$run::<T>(…)` with the type for `$kind`.
macro_rules! with_type {
    ($kind:expr, $run:ident($($argument:expr),*)) => {
        match $kind {
            "client" => $run::<Registration>($($argument),*),
            "form" => $run::<Form>($($argument),*),
            "browser" => $run::<Browser>($($argument),*),
            "code" => $run::<Code>($($argument),*),
            "access token" => $run::<AccessToken>($($argument),*),
            "refresh token" => $run::<RefreshToken>($($argument),*),
            "upstream" => $run::<SignInRecord>($($argument),*),
            other => panic!("unknown kind {other}"),
        }
    };
}

fn open<T: Sealable + Serialize>(keys: &KeyRing, text: &str) -> Value {
    serde_json::to_value(keys.open::<T>(text).unwrap()).unwrap()
}

fn seal<T: Sealable + DeserializeOwned>(keys: &KeyRing, payload: &Value) -> String {
    let payload: T = serde_json::from_value(payload.clone()).unwrap();
    keys.seal(&payload).unwrap()
}

/// Returns true if `opened` equals `expected`. Fields that were added later must be null.
fn is_same(opened: &Value, expected: &Value) -> bool {
    match (opened, expected) {
        (Value::Object(opened), Value::Object(expected)) => {
            expected.keys().all(|key| opened.contains_key(key))
                && opened.iter().all(|(key, value)| {
                    expected
                        .get(key)
                        .map_or(value.is_null(), |expected| is_same(value, expected))
                })
        }
        _ => opened == expected,
    }
}

#[test]
fn as15_texts_sealed_by_earlier_versions_can_be_opened() {
    let fixtures = fixtures();
    let keys = KeyRing::parse(&fixtures.keys).unwrap();
    assert!(fixtures.sealed.len() >= 10, "fixtures are never removed");
    for Fixture {
        name,
        kind,
        payload,
        text,
    } in fixtures.sealed
    {
        if text.is_empty() {
            let text = with_type!(&*kind, seal(&keys, &payload));
            panic!("{name} has no text yet; use {text}");
        }
        let opened = with_type!(&*kind, open(&keys, &text));
        assert!(is_same(&opened, &payload), "{name}: {opened} != {payload}");
    }
}
