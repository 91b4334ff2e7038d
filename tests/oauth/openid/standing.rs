//! Whether a signed-in user is still allowed, which is checked at each refresh.

use std::time::Duration;

use mcpo_test_support::issuer::{IssuerFault, Wrong};
use reqwest::StatusCode;
use serde_json::json;

use super::{
    super::github::{access, refresh},
    Setting,
};

/// Longer than the lifetime of the provider's access token.
const LATER: Duration = Duration::from_secs(2 * 60 * 60);

#[tokio::test]
async fn up6_whoever_is_not_on_the_list_any_more_is_out_at_the_next_refresh() {
    for (what, bare_id_token, no_userinfo) in [
        ("both contain the groups", false, false),
        ("the userinfo contains the groups", true, false),
        ("the id token contains the groups", false, true),
    ] {
        let setting = Setting::with(|login| login.allow_groups(&["adas"])).await;
        setting.provider.spoil(Wrong {
            bare_id_token,
            no_userinfo,
            ..Wrong::default()
        });
        let tokens = setting.tokens_of("ada").await;
        setting.server.clock.advance(LATER);
        let (status, tokens) = setting.client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{what}: {tokens}");
        // Some providers omit a list that has become empty.
        setting
            .provider
            .open("ada", json!({ "email": "ada@example.com" }));
        setting.server.clock.advance(LATER);
        let (status, body) = setting.client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}");
        assert_eq!(body["error"], "invalid_grant", "{what}");
    }
}

/// The email address of a user who left can be assigned to another person.
#[tokio::test]
async fn up6_whoever_gets_an_address_on_the_list_later_is_refused() {
    let mut setting = Setting::new().await;
    setting.tokens_of("ada").await;
    setting.begin_anew().await;
    setting.provider.close("ada");
    let claims = json!({ "email": "ada@example.com", "email_verified": true });
    setting.provider.open("eve", claims);
    let answer = setting.arrive_as("eve").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = answer.text().await.unwrap();
    assert!(
        page.contains("Another account signed in here before"),
        "{page}"
    );
}

#[tokio::test]
async fn up6_a_closed_account_is_out() {
    let setting = Setting::new().await;
    let tokens = setting.tokens_of("ada").await;
    setting.provider.close("ada");
    let (status, body) = setting.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    assert_eq!(body["error"], "invalid_grant");
}

#[tokio::test]
async fn up6_a_provider_out_of_reach_is_no_reason_to_sign_in_again() {
    let setting = Setting::new().await;
    let tokens = setting.tokens_of("ada").await;
    setting.provider.set(IssuerFault::Down);
    let (status, body) = setting.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    let call = setting.client.call(access(&tokens), "whoami", &json!({}));
    assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    setting.provider.set(IssuerFault::None);
    let (status, body) = setting.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn up5_up6_renewed_tokens_of_somebody_else_change_nothing() {
    for wrong in [
        Wrong {
            claims: json!({ "sub": "bob" }),
            ..Wrong::default()
        },
        Wrong {
            forged: true,
            ..Wrong::default()
        },
        Wrong {
            claims: json!({ "aud": "another" }),
            ..Wrong::default()
        },
    ] {
        let what = format!("{wrong:?}");
        let setting = Setting::new().await;
        let tokens = setting.tokens_of("ada").await;
        setting.provider.spoil(wrong);
        setting.server.clock.advance(LATER);
        let (status, _) = setting.client.refresh(refresh(&tokens)).await;
        assert_ne!(status, StatusCode::OK, "{what}");
    }
}

#[tokio::test]
async fn up6_a_token_for_another_api_is_no_reason_to_sign_anybody_out() {
    let setting = Setting::with(|login| login.allow_groups(&["adas"])).await;
    let foreign = || Wrong {
        userinfo: Some((401, String::new())),
        ..Wrong::default()
    };
    setting.provider.spoil(foreign());
    let mut tokens = setting.tokens_of("ada").await;
    for _ in 0..2 {
        let (status, next) = setting.client.refresh(refresh(&tokens)).await;
        assert_eq!(status, StatusCode::OK, "{next}");
        tokens = next;
        setting.server.clock.advance(LATER);
    }
    // The id token still shows when the permission ends.
    setting.provider.open("ada", json!({ "groups": [] }));
    let (status, _) = setting.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn up6_a_provider_that_falls_silent_about_groups_lets_nobody_in_for_ever() {
    let setting = Setting::with(|login| login.allow_groups(&["adas"])).await;
    setting.provider.spoil(Wrong {
        no_userinfo: true,
        no_later_id_token: true,
        ..Wrong::default()
    });
    let tokens = setting.tokens_of("ada").await;
    let (status, tokens) = setting.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    setting.server.clock.advance(LATER);
    let (status, _) = setting.client.refresh(refresh(&tokens)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
