//! Tests of the settings of sign-ins and of external authorization servers.

use super::*;

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
