//! Tests with the examples of the specifications, and with tokens that must be refused.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{claims::*, keys::*, token::*};
use crate::base::clock::Timestamp;

/// RFC 7515 appendix A.2 and A.3: the same claims, signed in two ways.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9p\
                      c19yb290Ijp0cnVlfQ";
const EC_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKT\
                            UJqPP3-Kg6NU1Q";
const RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-\
    0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN\
    PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY\
    I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

fn ec_key() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    })
}

fn rsa_key() -> Value {
    let modulus = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM\
        EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX\
        ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7\
        aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    json!({ "kty": "RSA", "n": modulus, "e": "AQAB" })
}

/// RFC 8037 appendix A.2.
fn ed_key() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

fn keys(keys: &[Value]) -> KeySet {
    let document = json!({ "keys": keys });
    KeySet::read(serde_json::from_value(document).unwrap())
}

fn outcome(token: &str, known: &[Value]) -> Result<Claims, JwtError> {
    let head = JwtHeader::read(token)?;
    verify(token, &head, &keys(known))
}

fn head(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[test]
fn up5_examples_of_the_specifications_are_verified() {
    let ec = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.{EC_SIGNATURE}");
    let rsa = format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.{RSA_SIGNATURE}");
    // Each token selects its own key.
    let all = [ec_key(), rsa_key(), ed_key()];
    for token in [&ec, &rsa] {
        let claims = outcome(token, &all).unwrap();
        assert_eq!(claims.text("iss"), Some("joe"));
        assert_eq!(
            claims.check("joe", Timestamp(1_300_819_000)),
            Ok(Timestamp(1_300_819_380))
        );
        let late = claims.check("joe", Timestamp(1_300_819_440));
        assert_eq!(late, Err(JwtError::Expired));
        let other = claims.check("jo", Timestamp(1_300_819_000));
        assert_eq!(other, Err(JwtError::Issuer));
    }
    // RFC 8037 A.4 signs a sentence: the signature is valid, but there are no claims.
    let sentence = "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let ed = format!("eyJhbGciOiJFZERTQSJ9.{sentence}.{signature}");
    assert_eq!(outcome(&ed, &all).unwrap_err(), JwtError::Malformed);
    let ed = format!("eyJhbGciOiJFZERTQSJ9.{CLAIMS}.{signature}");
    assert_eq!(outcome(&ed, &all).unwrap_err(), JwtError::Signature);
}

#[test]
fn up5_rsa_signature_is_verified_only_with_its_own_algorithm() {
    use ring::{rand::SystemRandom, signature};

    // ring does not generate RSA keys.
    let mut openssl = std::process::Command::new("openssl");
    let options = "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -outform DER";
    let generated = openssl.args(options.split(' ')).output().unwrap();
    // Its versions write different formats (RFC 5208, RFC 8017).
    let pair = signature::RsaKeyPair::from_pkcs8(&generated.stdout)
        .or_else(|_| signature::RsaKeyPair::from_der(&generated.stdout))
        .unwrap();
    let encoded = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
    let public = pair.public();
    let signature::RsaPublicKeyComponents::<Vec<u8>> { n, e } = public.into();
    let key = json!({ "kty": "RSA", "n": encoded(&n), "e": encoded(&e) });
    let algorithms: [(&str, &dyn signature::RsaEncoding); 6] = [
        ("RS256", &signature::RSA_PKCS1_SHA256),
        ("RS384", &signature::RSA_PKCS1_SHA384),
        ("RS512", &signature::RSA_PKCS1_SHA512),
        ("PS256", &signature::RSA_PSS_SHA256),
        ("PS384", &signature::RSA_PSS_SHA384),
        ("PS512", &signature::RSA_PSS_SHA512),
    ];
    for (named, _) in algorithms {
        let message = format!("{}.{CLAIMS}", head(&json!({ "alg": named })));
        for (used, encoding) in algorithms {
            let mut signature = vec![0; public.modulus_len()];
            let random = SystemRandom::new();
            pair.sign(encoding, &random, message.as_bytes(), &mut signature)
                .unwrap();
            let token = format!("{message}.{}", encoded(&signature));
            let is_verified = outcome(&token, std::slice::from_ref(&key)).is_ok();
            assert_eq!(is_verified, used == named, "{named} {used}");
        }
    }
}

#[test]
fn up5_signatures_with_generated_keys_are_verified() {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
    };
    let random = SystemRandom::new();
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let message = |algorithm: &str| format!("{}.{CLAIMS}", head(&json!({ "alg": algorithm })));

    let curve = &ECDSA_P384_SHA384_FIXED_SIGNING;
    let pair = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(curve, pair.as_ref(), &random).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
    let key = json!({ "kty": "EC", "crv": "P-384", "x": encoded(x), "y": encoded(y) });
    let signed = message("ES384");
    let signature = pair.sign(&random, signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", encoded(signature.as_ref()));
    assert!(outcome(&token, &[key, ec_key()]).is_ok());

    let pair = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap();
    let x = encoded(pair.public_key().as_ref());
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
    let signed = message("EdDSA");
    let signature = encoded(pair.sign(signed.as_bytes()).as_ref());
    assert!(outcome(&format!("{signed}.{signature}"), &[key]).is_ok());
}

#[test]
fn up5_signature_is_bound_to_text_key_and_algorithm() {
    let good = format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.{EC_SIGNATURE}");
    for index in [0, 30, good.len() - 3] {
        let mut changed = good.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(outcome(&changed, &[ec_key()]).is_err(), "{index}");
    }
    assert_eq!(
        outcome(&good, &[rsa_key()]).unwrap_err(),
        JwtError::UnknownKey
    );
    assert_eq!(
        outcome(&good, &[ec_key(), ec_key()]).unwrap_err(),
        JwtError::AmbiguousMessage
    );
    let mut other = ec_key();
    other["alg"] = "ES384".into();
    assert_eq!(outcome(&good, &[other]).unwrap_err(), JwtError::UnknownKey);
    let pss = format!(
        "{}.{CLAIMS}.{RSA_SIGNATURE}",
        head(&json!({ "alg": "PS256" }))
    );
    assert_eq!(
        outcome(&pss, &[rsa_key()]).unwrap_err(),
        JwtError::Signature
    );
    for algorithm in ["none", "HS256", "HS384", "HS512", "", "es256"] {
        let token = format!(
            "{}.{CLAIMS}.{EC_SIGNATURE}",
            head(&json!({ "alg": algorithm }))
        );
        let fault = outcome(&token, &[ec_key()]).unwrap_err();
        assert_eq!(fault, JwtError::Algorithm(algorithm.to_owned()));
    }
}

#[test]
fn up5_keys_that_are_not_usable_are_skipped() {
    let changed = |key: Value, name: &str, value: Value| {
        let mut key = key;
        key[name] = value;
        key
    };
    for (is_usable, key) in [
        (true, ec_key()),
        (true, changed(ec_key(), "use", "sig".into())),
        (false, changed(ec_key(), "use", "enc".into())),
        (false, changed(ec_key(), "use", 7.into())),
        (
            true,
            changed(ec_key(), "key_ops", json!(["verify", "sign"])),
        ),
        (false, changed(ec_key(), "key_ops", json!(["wrapKey"]))),
        (true, changed(ec_key(), "alg", "ES256".into())),
        (false, changed(ec_key(), "alg", "RS256".into())),
        (false, changed(ec_key(), "alg", "ECDH-ES".into())),
        (false, changed(ec_key(), "crv", "secp256k1".into())),
        // RFC 7518 section 6.2.1.2: a coordinate has the full length of its curve.
        (false, changed(ec_key(), "crv", "P-384".into())),
        (false, changed(ec_key(), "x", "AQAB".into())),
        (false, changed(ec_key(), "y", "not base64!".into())),
        (true, changed(rsa_key(), "alg", "PS512".into())),
        (false, changed(rsa_key(), "alg", "HS256".into())),
        (false, changed(rsa_key(), "n", Value::Null)),
        (false, changed(rsa_key(), "kty", "oct".into())),
        (true, ed_key()),
        (false, changed(ed_key(), "crv", "X25519".into())),
        (false, changed(ed_key(), "x", "AQAB".into())),
        (false, json!("not an object")),
    ] {
        assert_eq!(
            !keys(std::slice::from_ref(&key)).is_empty(),
            is_usable,
            "{key}"
        );
    }
}

#[test]
fn up5_at_hash_matches_the_example_of_openid_connect() {
    // OpenID Connect Core appendix A.4.
    let head = JwtHeader::read("eyJhbGciOiJSUzI1NiJ9..").unwrap();
    let digest = head.half_digest("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    assert_eq!(digest, "77QmUPtjPfzWtF2AnpK9RQ");
}

#[test]
fn up5_time_claims_must_be_valid() {
    let claims = |value: Value| Claims(value.as_object().unwrap().clone());
    let now = Timestamp(1000);
    for (value, expected) in [
        (json!({ "iss": "a", "exp": 941 }), Ok(Timestamp(941))),
        (json!({ "iss": "a", "exp": 940 }), Err(JwtError::Expired)),
        (json!({ "iss": "a", "exp": 1000.9 }), Ok(Timestamp(1000))),
        (json!({ "iss": "a" }), Err(JwtError::Claim("exp"))),
        (
            json!({ "iss": "a", "exp": "9" }),
            Err(JwtError::Claim("exp")),
        ),
        (
            json!({ "iss": "a", "exp": 1e300 }),
            Err(JwtError::Claim("exp")),
        ),
        (
            json!({ "iss": "a", "exp": -1 }),
            Err(JwtError::Claim("exp")),
        ),
        (
            json!({ "iss": "a", "exp": 2000, "nbf": 1060 }),
            Ok(Timestamp(2000)),
        ),
        (
            json!({ "iss": "a", "exp": 2000, "nbf": 1061 }),
            Err(JwtError::TooEarly),
        ),
        (
            json!({ "iss": "a", "exp": 2000, "iat": 1061 }),
            Err(JwtError::TooEarly),
        ),
        (
            json!({ "iss": "a", "exp": 2000, "nbf": [] }),
            Err(JwtError::Claim("nbf")),
        ),
        (json!({ "iss": ["a"], "exp": 2000 }), Err(JwtError::Issuer)),
    ] {
        assert_eq!(claims(value.clone()).check("a", now), expected, "{value}");
    }
}
