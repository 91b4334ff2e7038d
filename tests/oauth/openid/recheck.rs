//! Whether a signed-in user is still allowed, which is checked at each refresh.

use std::time::Duration;

use mcpo_test_support::issuer::{IssuerFault, ProviderFault};
use reqwest::StatusCode;
use serde_json::json;

use super::{
    super::github::{access, refresh},
    OpenIdSetup,
};

/// Longer than the lifetime of the provider's access token.
const LATER: Duration = Duration::from_secs(2 * 60 * 60);

#[tokio::test]
async fn up6_user_removed_from_a_group_is_rejected_at_the_next_refresh() {
    for (what, bare_id_token, no_userinfo) in [
        ("both contain the groups", false, false),
        ("the userinfo contains the groups", true, false),
        ("the id token contains the groups", false, true),
    ] {
        let setup = OpenIdSetup::with(|login| login.allow_groups(&["adas"])).await;
        setup.provider.set_fault(ProviderFault {
            bare_id_token,
            no_userinfo,
            ..ProviderFault::default()
        });
        let tokens = setup.tokens_of("ada").await;
        setup.server.clock.advance(LATER);
        let (status, tokens) = setup.client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{what}: {tokens}");
        // Some providers omit a list that has become empty.
        setup
            .provider
            .set_account("ada", json!({ "email": "ada@example.com" }));
        setup.server.clock.advance(LATER);
        let (status, body) = setup.client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}");
        assert_eq!(body["error"], "invalid_grant", "{what}");
    }
}

/// The email address of a user who left can be assigned to another person.
#[tokio::test]
async fn up6_new_owner_of_a_listed_email_address_is_refused() {
    let mut setup = OpenIdSetup::new().await;
    setup.tokens_of("ada").await;
    setup.use_new_browser().await;
    setup.provider.remove_account("ada");
    let claims = json!({ "email": "ada@example.com", "email_verified": true });
    setup.provider.set_account("eve", claims);
    let answer = setup.sign_in_as("eve").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = answer.text().await.unwrap();
    assert!(
        page.contains("Another account signed in here before"),
        "{page}"
    );
}

#[tokio::test]
async fn up6_closed_account_is_rejected_at_the_next_refresh() {
    let setup = OpenIdSetup::new().await;
    let tokens = setup.tokens_of("ada").await;
    setup.provider.remove_account("ada");
    let (status, body) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn up6_provider_outage_ends_no_grants() {
    let setup = OpenIdSetup::new().await;
    let tokens = setup.tokens_of("ada").await;
    setup.provider.set(IssuerFault::Down);
    let (status, body) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    let call = setup.client.call(access(&tokens), "whoami", &json!({}));
    assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    setup.provider.set(IssuerFault::None);
    let (status, body) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn up5_up6_renewed_id_token_with_wrong_claims_fails_the_refresh() {
    for wrong in [
        ProviderFault {
            claims: json!({ "sub": "bob" }),
            ..ProviderFault::default()
        },
        ProviderFault {
            forged: true,
            ..ProviderFault::default()
        },
        ProviderFault {
            claims: json!({ "aud": "another" }),
            ..ProviderFault::default()
        },
    ] {
        let what = format!("{wrong:?}");
        let setup = OpenIdSetup::new().await;
        let tokens = setup.tokens_of("ada").await;
        setup.provider.set_fault(wrong);
        setup.server.clock.advance(LATER);
        let (status, _) = setup.client.refresh(refresh(&tokens)).await;
        assert_ne!(status, StatusCode::OK, "{what}");
    }
}

#[tokio::test]
async fn up6_userinfo_401_does_not_end_the_grant() {
    let setup = OpenIdSetup::with(|login| login.allow_groups(&["adas"])).await;
    let foreign = || ProviderFault {
        userinfo: Some((401, String::new())),
        ..ProviderFault::default()
    };
    setup.provider.set_fault(foreign());
    let mut tokens = setup.tokens_of("ada").await;
    for _ in 0..2 {
        let (status, next) = setup.client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        tokens = next;
        setup.server.clock.advance(LATER);
    }
    // The id token still shows when the permission ends.
    setup.provider.set_account("ada", json!({ "groups": [] }));
    let (status, _) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn up6_grant_ends_if_the_provider_stops_sending_groups() {
    let setup = OpenIdSetup::with(|login| login.allow_groups(&["adas"])).await;
    setup.provider.set_fault(ProviderFault {
        no_userinfo: true,
        no_later_id_token: true,
        ..ProviderFault::default()
    });
    let tokens = setup.tokens_of("ada").await;
    let (status, tokens) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    setup.server.clock.advance(LATER);
    let (status, _) = setup.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
