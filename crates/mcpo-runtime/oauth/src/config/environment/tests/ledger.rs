//! Tests of the settings of the ledger.

use super::*;

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
