//! Tests with valid and invalid environments.

mod ledger;
mod sign_in;

use super::*;
use crate::{
    config::StoreChoice,
    store::{BucketName, Endpoints},
};

const SECRET: &str = crate::base::seal::test_keys::KEY;

fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
    let lookup = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| Some((*value).to_owned()))
    };
    super::read(&lookup).map_err(|errors| errors.to_string())
}

#[test]
fn secret_alone_is_a_valid_environment() {
    let config = read(&[("MCPO_SECRET", SECRET)]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        config.store,
        StoreChoice::Sqlite(".mcpo/ledger.sqlite3".into())
    );
    assert!(config.login.is_anonymous());
}

#[test]
fn public_base_url_listens_on_all_interfaces() {
    let config = read(&[
        ("MCPO_SECRET", SECRET),
        ("BASE_URL", "https://a.example/"),
        ("PORT", "9000"),
    ]);
    assert_eq!(config.unwrap().listen.to_string(), "0.0.0.0:9000");
}

#[test]
fn all_errors_are_reported_together_without_secrets() {
    let errors = read(&[
        ("MCPO_SECRET", "hunter2"),
        ("BASE_URL", "http://a.example"),
        ("PORT", "70000"),
        ("HOST", "nowhere"),
        ("ADMIN_PASSWORD_HASH", "swordfish"),
        ("MCPO_LEDGER", "postgres"),
        ("MCPO_ALLOWED_ORIGINS", "https://ok.example, claude.ai"),
        ("MCPO_DEV", "maybe"),
    ])
    .unwrap_err();
    for name in [
        "MCPO_SECRET cannot",
        "BASE_URL=\"http://a.example\"",
        "PORT=\"70000\"",
        "HOST=\"nowhere\"",
        "ADMIN_PASSWORD_HASH is not",
        "MCPO_LEDGER=\"postgres\"",
        "MCPO_ALLOWED_ORIGINS=\"claude.ai\"",
        "MCPO_DEV=\"maybe\"",
    ] {
        assert!(errors.contains(name), "{name} in\n{errors}");
    }
    assert!(!errors.contains("hunter2") && !errors.contains("swordfish"));
    assert_eq!(errors.lines().count(), 8);
}

#[test]
fn cloud_run_requires_a_base_url_and_a_ledger() {
    let errors = read(&[("MCPO_SECRET", SECRET), ("K_SERVICE", "x")]).unwrap_err();
    assert!(errors.contains("BASE_URL is not set"), "{errors}");
    assert!(errors.contains("MCPO_LEDGER is not set"), "{errors}");
}

#[test]
fn as21_google_is_a_trusted_proxy_only_on_cloud_run() {
    let proxies = |more: &[(&str, &str)]| {
        let variables = [&[("MCPO_SECRET", SECRET)], more].concat();
        read(&variables).map(|config| config.trusted_proxies.to_string())
    };
    let cloud_run = [
        ("K_SERVICE", "x"),
        ("BASE_URL", "https://a.example"),
        ("MCPO_LEDGER", "memory"),
    ];
    assert_eq!(proxies(&[]), Ok(String::new()));
    assert_eq!(proxies(&cloud_run), Ok("cloud-run".into()));
    let trusted = ("MCPO_TRUSTED_PROXIES", "loopback, 10.0.0.0/8");
    let expected = Ok("127.0.0.0/8,::1/128,10.0.0.0/8".into());
    assert_eq!(proxies(&[trusted]), expected);
    let errors = proxies(&[("MCPO_TRUSTED_PROXIES", "nginx")]).unwrap_err();
    assert!(errors.contains("\"nginx\" is not an address"), "{errors}");
}

#[test]
fn rs8_additional_hosts_must_be_names_and_require_a_public_base_url() {
    let hosts = |base: &str, hosts: &str| {
        let variables = [
            ("MCPO_SECRET", SECRET),
            ("BASE_URL", base),
            ("MCPO_HOSTS", hosts),
            ("ADMIN_PASSWORD", "correct horse"),
            ("MCPO_LEDGER", "memory"),
        ];
        read(&variables).map(|config| {
            config
                .hosts
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        })
    };
    let public = "https://a.example";
    let expected = ["https://a.run.app", "https://b.example"];
    assert_eq!(hosts(public, "a.run.app, B.example").unwrap(), expected);
    for bad in [
        "*.run.app",
        "a.run.app:443",
        "https://a.run.app",
        "a.run.app/x",
        "u@a.run.app",
        "localhost",
        "a b.c",
    ] {
        let errors = hosts(public, bad).unwrap_err();
        assert!(errors.contains("MCPO_HOSTS"), "{bad}: {errors}");
    }
    let errors = hosts("http://localhost:8080", "a.run.app").unwrap_err();
    assert!(errors.contains("without a public BASE_URL"), "{errors}");
}

#[test]
fn empty_sign_in_variable_is_rejected() {
    for name in super::sign_in::VARIABLES {
        let errors = read(&[("MCPO_SECRET", SECRET), (name, "")]).unwrap_err();
        let expected = format!("{name} is set but empty");
        assert!(errors.contains(&expected), "{errors}");
    }
}

#[test]
fn password_with_fewer_than_8_characters_is_rejected() {
    let errors = read(&[("MCPO_SECRET", SECRET), ("ADMIN_PASSWORD", "hunter2")]);
    let errors = errors.unwrap_err();
    assert!(
        errors.contains("ADMIN_PASSWORD is shorter than 8"),
        "{errors}"
    );
    assert!(!errors.contains("hunter2"), "{errors}");
    assert!(read(&[("MCPO_SECRET", SECRET), ("ADMIN_PASSWORD", "hunter22")]).is_ok());
}

#[test]
fn grants_not_before_must_be_a_time_in_the_past() {
    let with = |value: &str| read(&[("MCPO_SECRET", SECRET), ("MCPO_GRANTS_NOT_BEFORE", value)]);
    let moment = with("2026-01-02T03:04:05+01:00").unwrap().grants_not_before;
    assert_eq!(moment, Some(crate::base::clock::Timestamp(1_767_319_445)));
    assert_eq!(
        read(&[("MCPO_SECRET", SECRET)]).unwrap().grants_not_before,
        None
    );
    for (bad, problem) in [
        ("yesterday", "is not a time in RFC 3339"),
        ("2026-01-02 03:04", "is not a time in RFC 3339"),
        ("2999-01-01T00:00:00Z", "is in the future"),
    ] {
        let errors = with(bad).unwrap_err();
        assert!(errors.contains(problem), "{bad}: {errors}");
    }
}

#[test]
fn low_entropy_secret_is_rejected() {
    let weak = "A".repeat(43);
    let errors = read(&[("MCPO_SECRET", &weak)]).unwrap_err();
    assert!(errors.contains("key 1 is not random"), "{errors}");
    assert!(errors.contains("openssl rand"), "{errors}");
    assert!(!errors.contains(&weak), "{errors}");
}

#[test]
fn a_domain_token_is_printable_and_short() {
    let read = |token: &str| read(&[("MCPO_SECRET", SECRET), ("MCPO_OPENAI_CHALLENGE", token)]);
    let longest = "x".repeat(512);
    for token in ["abc-DEF_123", " ~", &longest] {
        assert_eq!(
            read(token).unwrap().openai_challenge.as_deref(),
            Some(token)
        );
    }
    assert_eq!(read("").unwrap().openai_challenge, None);
    for token in ["line\nbreak", "\u{e9}", "\u{7f}", &"x".repeat(513)] {
        let errors = read(token).unwrap_err();
        assert!(
            errors.contains("MCPO_OPENAI_CHALLENGE cannot be served"),
            "{errors}"
        );
        assert!(!errors.contains(token), "{errors}");
    }
}
