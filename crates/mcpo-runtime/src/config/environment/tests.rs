//! Tests with valid and invalid environments.

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
fn gs_url_selects_a_bucket() {
    let with = |more: &[(&str, &str)]| {
        let variables = [&[("MCPO_SECRET", SECRET)], more].concat();
        read(&variables).map(|config| config.store)
    };
    let bucket = || BucketName::parse("my-ledger").unwrap();
    assert_eq!(
        with(&[("MCPO_LEDGER", "gs://my-ledger")]),
        Ok(StoreChoice::Bucket(bucket(), Endpoints::google()))
    );
    let emulator = Url::parse("http://127.0.0.1:9199/").ok();
    assert_eq!(
        with(&[
            ("MCPO_LEDGER", "gs://my-ledger/"),
            ("STORAGE_EMULATOR_HOST", "127.0.0.1:9199"),
        ]),
        Ok(StoreChoice::Bucket(
            bucket(),
            Endpoints::new(emulator, None)
        ))
    );
    let errors = with(&[
        ("MCPO_LEDGER", "gs://my-ledger/folder"),
        ("GCE_METADATA_HOST", "ftp://somewhere"),
    ]);
    let errors = errors.unwrap_err();
    assert!(
        errors.contains("MCPO_LEDGER=\"gs://my-ledger/folder\" names no bucket"),
        "{errors}"
    );
    assert!(
        errors.contains("GCE_METADATA_HOST=\"ftp://somewhere\""),
        "{errors}"
    );
}

#[test]
fn record_prefix_needs_a_ledger_that_servers_share() {
    let with = |ledger: &str, prefix: &str| {
        let variables = [
            ("MCPO_SECRET", SECRET),
            ("MCPO_LEDGER", ledger),
            ("MCPO_LEDGER_PREFIX", prefix),
        ];
        read(&variables).map(|config| config.record_prefix.to_string())
    };
    let prefix = "preview.pr-7.";
    assert_eq!(with("gs://my-ledger", prefix).as_deref(), Ok(prefix));
    assert_eq!(with("memory", prefix).as_deref(), Ok(prefix));
    let errors = with("gs://my-ledger", "a/b").unwrap_err();
    assert!(errors.contains("MCPO_LEDGER_PREFIX=\"a/b\""), "{errors}");
    #[cfg(feature = "sqlite")]
    {
        let errors = with("sqlite:ledger.sqlite3", prefix).unwrap_err();
        assert!(errors.contains("no effect with SQLite"), "{errors}");
    }
}

#[cfg(feature = "redis")]
#[test]
fn redis_password_is_never_shown() {
    let with = |more: &[(&str, &str)]| {
        let variables = [&[("MCPO_SECRET", SECRET)], more].concat();
        read(&variables).map(|config| config.store)
    };
    let good = with(&[("MCPO_LEDGER", "rediss://me:swordfish@cache:7000/1")]);
    assert_eq!(format!("{good:?}"), "Ok(Redis(rediss://cache:7000/1))");
    let private = ("MCPO_LEDGER", "redis://me:swordfish@10.0.0.3");
    let refused = with(&[private]).unwrap_err();
    assert!(refused.contains("without TLS"), "{refused}");
    assert!(!refused.contains("swordfish"), "{refused}");
    let meant = with(&[private, ("MCPO_LEDGER_PLAINTEXT", "1")]);
    assert_eq!(format!("{meant:?}"), "Ok(Redis(redis://10.0.0.3:6379/0))");
    for (store, authority) in [
        ("redis://:swordfish@cache/one", None),
        ("redis://:swordfish@", None),
        ("rediss://:swordfish@cache", Some("/nowhere/ca.pem")),
        ("rediss://:swordfish@cache", Some("-----BEGIN swordfish")),
        ("redis://:swordfish@cache", Some("-----BEGIN swordfish")),
        ("postgres://:swordfish@cache", None),
    ] {
        let mut variables = vec![("MCPO_LEDGER", store)];
        variables.extend(authority.map(|authority| ("MCPO_LEDGER_CA", authority)));
        let errors = with(&variables).unwrap_err();
        assert!(errors.starts_with("MCPO_LEDGER"), "{errors}");
        assert!(!errors.contains("swordfish"), "{errors}");
    }
}

#[cfg(not(feature = "redis"))]
#[test]
fn redis_url_without_the_redis_feature_is_rejected() {
    let errors = read(&[
        ("MCPO_SECRET", SECRET),
        ("MCPO_LEDGER", "redis://:swordfish@cache"),
    ]);
    let errors = errors.unwrap_err();
    assert!(errors.contains("feature redis"), "{errors}");
    assert!(!errors.contains("swordfish"), "{errors}");
}
#[test]
fn incomplete_github_settings_are_rejected() {
    let secret = ("MCPO_SECRET", SECRET);
    let (id, key) = (
        ("GITHUB_CLIENT_ID", "Iv1.abc"),
        ("GITHUB_CLIENT_SECRET", "swordfish"),
    );
    let logins = ("GITHUB_ALLOWED_LOGINS", "octocat, hubot");
    let config = read(&[secret, id, key, logins]).unwrap();
    assert_eq!(config.login.name(), "GitHub");
    for (variables, named) in [
        (&[secret, id][..], "GITHUB_CLIENT_SECRET is not set"),
        (&[secret, key], "GITHUB_CLIENT_ID is not set"),
        (&[secret, logins], "GITHUB_CLIENT_ID is not set"),
        (
            &[secret, id, key],
            "GITHUB_ALLOWED_LOGINS is not set, so no user",
        ),
        (
            &[secret, id, key, ("GITHUB_ALLOWED_LOGINS", "octo cat/x")],
            "GITHUB_ALLOWED_LOGINS has a name",
        ),
        (
            &[secret, id, key, ("GITHUB_ALLOWED_TEAMS", "core")],
            "GITHUB_ALLOWED_TEAMS has a team without",
        ),
        (
            &[
                secret,
                id,
                key,
                logins,
                ("GITHUB_SERVER_URL", "http://ghe.example"),
            ],
            "GITHUB_SERVER_URL=\"http://ghe.example\" is not the https URL",
        ),
        (
            &[secret, id, key, logins, ("ADMIN_PASSWORD", "hunter2")],
            "GITHUB_CLIENT_ID is set together with ADMIN_PASSWORD",
        ),
    ] {
        let errors = read(variables).unwrap_err();
        assert!(errors.contains(named), "{named} in\n{errors}");
        assert!(
            !errors.contains("swordfish") && !errors.contains("hunter2"),
            "{errors}"
        );
    }
}

#[test]
fn invalid_authorization_server_settings_are_rejected() {
    let secret = ("MCPO_SECRET", SECRET);
    let server = ("MCPO_AUTHORIZATION_SERVER", "https://login.example/");
    let config = read(&[
        secret,
        server,
        ("MCPO_AUDIENCE", "api://one, api://two"),
        ("MCPO_SCOPE_MAP", "use=mcp:tools"),
        ("K_SERVICE", "x"),
        ("BASE_URL", "https://a.example"),
        ("MCPO_LEDGER", "memory"),
    ]);
    let trusted = config.unwrap().authorization_server.unwrap();
    assert_eq!(trusted.issuer(), "https://login.example/");
    for (variables, named) in [
        (
            &[secret, ("MCPO_AUDIENCE", "x")][..],
            "MCPO_AUDIENCE is set without",
        ),
        (
            &[secret, server, ("ADMIN_PASSWORD", "hunter2")],
            "is set together with a sign-in of this server",
        ),
        (
            &[
                secret,
                ("MCPO_AUTHORIZATION_SERVER", "http://login.example"),
            ],
            "is not the https URL of an issuer",
        ),
        (
            &[secret, server, ("MCPO_SCOPE_MAP", "mcp:tools")],
            "MCPO_SCOPE_MAP=\"mcp:tools\" is not a list",
        ),
    ] {
        let errors = read(variables).unwrap_err();
        assert!(errors.contains(named), "{named} in\n{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn incomplete_openid_settings_are_rejected() {
    let secret = ("MCPO_SECRET", SECRET);
    let (issuer, id) = (("OIDC_ISSUER", "google"), ("OIDC_CLIENT_ID", "abc"));
    let emails = ("OIDC_ALLOWED_EMAILS", "ada@example.com, bob@example.com");
    let key = ("OIDC_CLIENT_SECRET", "swordfish");
    let config = read(&[secret, issuer, id, key, emails]).unwrap();
    assert_eq!(config.login.name(), "OpenID Connect");
    assert_eq!(config.login.provider().unwrap().name, "Google");
    for (variables, named) in [
        (&[secret, issuer][..], "OIDC_CLIENT_ID is not set"),
        (&[secret, id], "OIDC_ISSUER is not set"),
        (&[secret, emails], "OIDC_ISSUER is not set"),
        (
            &[secret, issuer, id, key],
            "OIDC_ALLOWED_EMAILS is not set, so no user",
        ),
        (
            &[secret, issuer, id, ("OIDC_ALLOWED_EMAILS", "ada")],
            "OIDC_ALLOWED_EMAILS has an entry",
        ),
        (
            &[secret, issuer, id, ("OIDC_ALLOWED_DOMAINS", "@example.com")],
            "OIDC_ALLOWED_DOMAINS has an entry",
        ),
        (
            &[secret, ("OIDC_ISSUER", "microsoft:common"), id, emails],
            "OIDC_ISSUER=\"microsoft:common\" names no tenant",
        ),
        (
            &[secret, ("OIDC_ISSUER", "http://login.example"), id, emails],
            "is neither the https URL of an issuer",
        ),
        (
            &[secret, issuer, id, emails, ("ADMIN_PASSWORD", "hunter2")],
            "OIDC_ISSUER is set together with ADMIN_PASSWORD",
        ),
    ] {
        let errors = read(variables).unwrap_err();
        assert!(errors.contains(named), "{named} in\n{errors}");
        assert!(
            !errors.contains("swordfish") && !errors.contains("hunter2"),
            "{errors}"
        );
    }
}

#[test]
fn group_name_with_a_space_is_one_entry() {
    let config = read(&[
        ("MCPO_SECRET", SECRET),
        ("OIDC_ISSUER", "https://login.example"),
        ("OIDC_CLIENT_ID", "id"),
        ("OIDC_ALLOWED_GROUPS", "Project Admins, Staff"),
    ])
    .unwrap();
    let shown = format!("{:?}", config.login);
    assert!(shown.contains("\"Project Admins\""), "{shown}");
    assert!(!shown.contains("\"Admins\""), "{shown}");
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
