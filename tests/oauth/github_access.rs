//! Who may sign in with GitHub: listed names, ids, organizations and teams, and how access ends.

use std::sync::Arc;

use mcpo_test_support::{
    client::{TestClient, form_in, location, query_of},
    clock::ManualClock,
    github::GitHub,
    server::TestServer,
};
use reqwest::StatusCode;
use serde_json::json;

use super::github::{GitHubSetup, access, exchange, refresh, start_sign_in};

#[tokio::test]
async fn user_outside_the_allow_list_can_choose_another_account() {
    let setup = GitHubSetup::new().await;
    let answer = setup.sign_in_as("stranger").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = answer.text().await.unwrap();
    assert!(page.contains("signed in at GitHub as stranger"), "{page}");
    assert!(page.contains("authorize?response_type"), "{page}");
    let answer = setup.sign_in_as("").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.text().await.unwrap().contains("denied access"));

    setup.tokens_of("octocat").await;
    let page = setup.client.authorize(&setup.client.request()).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("another account"), "{page}");
    let form = form_in(&page);
    let fields = [("form", form.as_str()), ("decision", "another account")];
    let there = location(&setup.client.submit("/consent", &fields).await);
    assert_eq!(query_of(&there, "prompt").unwrap(), "select_account");
}

#[tokio::test]
async fn up6_user_who_loses_a_listed_name_is_rejected_at_the_next_refresh() {
    let setup = GitHubSetup::new().await;
    let tokens = setup.tokens_of("octocat").await;
    let (status, tokens) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK);
    // The login name now belongs to another account, so the allow-list means another user.
    setup.github.rename("octocat", "octopus");
    setup.github.add_account("octocat", 8);
    let (status, body) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    assert_eq!(body["error"], "invalid_grant");
    let status = setup.client.call(access(&tokens), "whoami", &json!({}));
    let status = status.send().await.unwrap().status();
    assert_eq!(status, StatusCode::UNAUTHORIZED, "the grant has ended");
    // The browser's session does not lead to a new code either.
    let page = setup.client.authorize(&setup.client.request()).await;
    let form = form_in(&page.text().await.unwrap());
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let answer = setup.client.submit("/consent", &fields).await;
    assert!(location(&answer).starts_with("/authorize?"), "{answer:?}");
}

#[tokio::test]
async fn up6_changed_allow_list_ends_only_grants_of_removed_users() {
    let github = GitHub::start().await;
    github.add_account("octocat", 1);
    github.add_account("hubot", 2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    let clock = Arc::<ManualClock>::default();
    let start = async |address: &str, names: &[&str]| {
        let login = github.login().allow_logins(names).unwrap();
        TestServer::start_on(address, Arc::clone(&clock), |config| {
            config.with_login(login).with_sqlite(&path)
        })
        .await
    };
    let server = start("127.0.0.1:0", &["octocat", "hubot"]).await;
    let address = server.address.to_string();
    github.set_callback(&server.base());
    let mut grants = Vec::new();
    for login in ["octocat", "hubot"] {
        let client = TestClient::register(&server.base()).await;
        let url = github.decide(&start_sign_in(&client).await, login).await;
        let answer = client.http.get(url).send().await.unwrap();
        let tokens = exchange(&client, &answer).await;
        grants.push((client, tokens));
    }
    server.stop().await;
    let _server = start(&address, &["hubot"]).await;
    let mut statuses = Vec::new();
    for (client, tokens) in grants {
        statuses.push(client.refresh(refresh(&tokens)).await.0);
    }
    assert_eq!(statuses, [StatusCode::BAD_REQUEST, StatusCode::OK]);
}

#[tokio::test]
async fn up6_organization_and_team_access_requires_active_membership() {
    for (name, other) in [("acme", "acme/core"), ("acme/core", "acme")] {
        let setup = GitHubSetup::with(|login| {
            if name.contains('/') {
                login.allow_teams(&["other/team", name]).unwrap()
            } else {
                login.allow_organizations(&["other", name]).unwrap()
            }
        })
        .await;
        let github = &setup.github;
        let there = setup.start_sign_in().await;
        assert_eq!(query_of(&there, "scope").unwrap(), "read:user read:org");
        for (organization, membership, status) in [
            (other, "active", StatusCode::FORBIDDEN),
            (name, "pending", StatusCode::FORBIDDEN),
            (name, "active", StatusCode::SEE_OTHER),
        ] {
            github.set_membership("octocat", organization, membership);
            let answer = setup.sign_in_as("octocat").await;
            assert_eq!(answer.status(), status, "{organization} {membership}");
        }
        let tokens = setup.tokens_of_signed_in_user().await;
        github.set_membership("octocat", name, "pending");
        let (_, body) = setup.client.refresh(refresh(&tokens)).await;
        assert_eq!(body["error"], "invalid_grant", "{body}");
        assert_eq!(github.violations(), Vec::<String>::new());
    }
}

/// A login name that was given up can be taken by another account.
#[tokio::test]
async fn up6_new_owner_of_a_listed_login_name_is_refused() {
    let setup = GitHubSetup::new().await;
    let first = setup.tokens_of("octocat").await;
    setup.github.rename("octocat", "octocat-old");
    setup.github.rename("stranger", "octocat");
    let another = TestClient::register(&setup.client.base).await;
    let url = setup
        .github
        .decide(&start_sign_in(&another).await, "octocat")
        .await;
    let answer = another.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = answer.text().await.unwrap();
    assert!(
        page.contains("Another account signed in here before"),
        "{page}"
    );
    // The first owner has lost the name, and with it the permission.
    let (status, _) = setup.client.refresh(refresh(&first)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn up6_account_allowed_by_id_keeps_access_after_a_rename() {
    let setup = GitHubSetup::with(|login| login.allow_ids(&[583_231])).await;
    let tokens = setup.tokens_of("octocat").await;
    setup.github.rename("octocat", "octocat-renamed");
    let (status, _) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK);
    // The name alone gives no access.
    setup.github.rename("stranger", "octocat");
    let another = TestClient::register(&setup.client.base).await;
    let url = setup
        .github
        .decide(&start_sign_in(&another).await, "octocat")
        .await;
    let answer = another.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}
