//! Tests of sealing and of the key ring.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::*;

const SECRET_LEN: usize = 32;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sample(String);
impl Sealable for Sample {
    const PURPOSE: Purpose = Purpose::Code;
}
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Other(String);
impl Sealable for Other {
    const PURPOSE: Purpose = Purpose::AccessToken;
}

fn key(number: u8) -> String {
    let bytes: [u8; SECRET_LEN] = std::array::from_fn(|index| {
        number.wrapping_add(u8::try_from(index).unwrap().wrapping_mul(7))
    });
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ring(text: &str) -> KeyRing {
    KeyRing::parse(text).unwrap()
}

#[test]
fn sealed_text_can_be_opened() {
    let ring = ring(&key(1));
    let text = ring.seal(&Sample("hello".into())).unwrap();
    assert!(text.starts_with("mcpo_ac_"));
    assert_eq!(ring.open::<Sample>(&text), Ok(Sample("hello".into())));
}

#[test]
fn text_sealed_for_another_purpose_is_rejected() {
    let ring = ring(&key(1));
    let text = ring.seal(&Sample("hello".into())).unwrap();
    assert_eq!(ring.open::<Other>(&text), Err(OpenError));
    let renamed = text.replace("mcpo_ac_", "mcpo_at_");
    assert_eq!(ring.open::<Other>(&renamed), Err(OpenError));
}

#[test]
fn every_changed_character_is_detected() {
    let ring = ring(&key(1));
    let text = ring.seal(&Sample("hello".into())).unwrap();
    for index in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        // The last character may have unused bits; the decoder refuses those, too.
        assert_eq!(ring.open::<Sample>(&changed), Err(OpenError), "at {index}");
    }
}

#[test]
fn rotation_strands_nobody() {
    let old = ring(&key(1));
    let text = old.seal(&Sample("hello".into())).unwrap();
    let rotated = ring(&format!("{},{}", key(2), key(1)));
    assert!(rotated.open::<Sample>(&text).is_ok());
    let sealed_new = rotated.seal(&Sample("new".into())).unwrap();
    assert_eq!(old.open::<Sample>(&sealed_new), Err(OpenError));
    assert_eq!(ring(&key(2)).open::<Sample>(&text), Err(OpenError));
}

#[test]
fn parse_error_names_the_invalid_key_by_its_position() {
    assert_eq!(KeyRing::parse(" , ").unwrap_err(), KeyRingError::Empty);
    let error = KeyRing::parse(&format!("{},hunter2", key(1))).unwrap_err();
    assert_eq!(error, KeyRingError::NotAKey(2));
    assert!(!error.to_string().contains("hunter2"));
    assert!(!format!("{:?}", ring(&key(1))).contains(&key(1)));
}

#[test]
fn low_entropy_key_is_rejected() {
    for weak in ["A".repeat(43), format!("{}E", "T".repeat(42))] {
        let parsed = KeyRing::parse(&format!("{},{weak}", key(1)));
        assert_eq!(parsed.unwrap_err(), KeyRingError::Weak(2));
    }
    for _ in 0..1000 {
        let secret = random::bytes::<SECRET_LEN>().unwrap();
        ring(&URL_SAFE_NO_PAD.encode(secret));
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ClientSample(String);
impl Sealable for ClientSample {
    const PURPOSE: Purpose = Purpose::Client;
}

#[test]
fn retired_key_opens_only_client_ids() {
    let old = ring(&key(1));
    let id = old.seal(&ClientSample("x".into())).unwrap();
    let code = old.seal(&Sample("x".into())).unwrap();
    let retired = ring(&format!("{},retired:{}", key(2), key(1)));
    assert!(retired.open::<ClientSample>(&id).is_ok());
    assert_eq!(retired.open::<Sample>(&code), Err(OpenError));
    assert!(!retired.lacks_key_of::<Sample>(&code), "the key is known");
    let parts: &[&[u8]] = &[b"x"];
    assert_eq!(retired.macs(parts).count(), 1);
    assert_eq!(
        retired.macs_of_clients(parts).last(),
        old.macs(parts).next()
    );
    let only_retired = KeyRing::parse(&format!("retired:{}", key(1)));
    assert_eq!(only_retired.unwrap_err(), KeyRingError::Empty);
}

#[test]
fn unknown_key_is_distinguished_from_an_invalid_text() {
    let other = ring(&key(3));
    let text = other.seal(&Sample("hello".into())).unwrap();
    let ours = ring(&key(1));
    assert!(ours.lacks_key_of::<Sample>(&text));
    assert!(!ours.lacks_key_of::<Other>(&text));
    assert!(!other.lacks_key_of::<Sample>(&text));
    for rubbish in [
        "",
        "mcpo_ac_",
        "mcpo_ac_AAAA",
        "mcpo_ac_!",
        &text[..40],
        "hello",
    ] {
        assert!(!ours.lacks_key_of::<Sample>(rubbish), "{rubbish}");
    }
}

#[test]
fn mac_depends_on_the_boundaries_of_its_parts() {
    let ring = ring(&key(1));
    let mac = |parts: &[&[u8]]| ring.macs(parts).next().unwrap();
    assert_ne!(mac(&[b"ab", b"c"]), mac(&[b"a", b"bc"]));
}

proptest::proptest! {
    #[test]
    fn as15_random_texts_cannot_be_opened(text in "mcpo_ac_[A-Za-z0-9_=-]{0,200}|.{0,80}") {
        proptest::prop_assert_eq!(ring(&key(1)).open::<Sample>(&text), Err(OpenError));
    }
}
