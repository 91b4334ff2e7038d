//! Envelopes of signed statements: DSSE
//! (<https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// The type of an envelope, as cosign writes it.
pub const MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";

/// Returns the bytes to sign.
pub fn message(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (type_len, len) = (payload_type.len(), payload.len());
    let mut message = format!("DSSEv1 {type_len} {payload_type} {len} ").into_bytes();
    message.extend_from_slice(payload);
    message
}

/// Returns the envelope with one signature.
pub fn envelope(payload_type: &str, payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let envelope = json!({
        "payloadType": payload_type,
        "payload": BASE64_STANDARD.encode(payload),
        "signatures": [{ "keyid": "", "sig": BASE64_STANDARD.encode(signature) }],
    });
    envelope.to_string().into_bytes()
}

/// Returns the payload if it has this type and `verifies` accepts one of its signatures.
pub fn open(
    envelope: &[u8],
    payload_type: &str,
    verifies: impl Fn(&[u8], &[u8]) -> bool,
) -> Option<Vec<u8>> {
    let envelope: Value = serde_json::from_slice(envelope).ok()?;
    if envelope["payloadType"] != payload_type {
        return None;
    }
    let decode = |value: &Value| BASE64_STANDARD.decode(value.as_str()?).ok();
    let payload = decode(&envelope["payload"])?;
    let message = message(payload_type, &payload);
    let mut signatures = envelope["signatures"].as_array()?.iter();
    let is_signed = signatures
        .any(|one| decode(&one["sig"]).is_some_and(|signature| verifies(&message, &signature)));
    is_signed.then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_that_of_the_protocol() {
        // The example of the specification.
        let message = message("http://example.com/HelloWorld", b"hello world");
        assert_eq!(
            message,
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn only_signed_payloads_of_the_type_are_returned() {
        let envelope = envelope("a", b"text", b"signature");
        let verifies = |message: &[u8], signature: &[u8]| {
            message == b"DSSEv1 1 a 4 text" && signature == b"signature"
        };
        assert_eq!(open(&envelope, "a", verifies).unwrap(), b"text");
        assert_eq!(open(&envelope, "b", verifies), None);
        assert_eq!(open(&envelope, "a", |_, _| false), None);
        assert_eq!(open(b"{}", "a", verifies), None);
    }
}
