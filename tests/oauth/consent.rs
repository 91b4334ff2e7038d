//! What users see and do on the consent page.

use mcpo_test_support::{
    acme::{RESTRICTED, TOOLS},
    client::{TestClient, form_in, location},
    server::TestServer,
};
use reqwest::StatusCode;

use super::{
    github::GitHubSetup,
    pages::{PASSWORD, acme, text},
};

#[tokio::test]
async fn as12_consent_page_lists_the_tools_that_the_client_could_use() {
    let server = acme(|config| config.with_title("Acme")).await;
    let client = TestClient::register(&server.base()).await;
    let page = text(client.authorize(&client.request()).await).await;
    let marked = "<span class=\"mark\">can change data</span>";
    for (tool, reads) in TOOLS {
        let changes = page.contains(&format!("<li>{tool} {marked}</li>"));
        assert!(page.contains(&format!("<li>{tool}")), "{tool} in {page}");
        assert_eq!(changes, !reads, "{tool}");
    }
    assert!(
        page.contains("and 9 more, 3 of them can change data"),
        "{page}"
    );
    // The client has not asked for the scope of this tool.
    assert!(!page.contains(RESTRICTED), "{page}");
    assert!(page.contains("Allow Test Client to use <strong>Acme</strong>?"));
    assert!(page.contains("remove this server in Test Client"));
    // Without a sign-in, there is no other user.
    assert!(!page.contains("Not you?"), "{page}");
}

/// Returns the consent page for a client that asks for these scopes.
async fn page_for(server: &TestServer, scope: &str) -> String {
    let client = TestClient::register(&server.base()).await;
    let mut request = client.request();
    request.retain(|(name, _)| *name != "scope");
    request.push(("scope", scope.to_owned()));
    text(client.authorize(&request).await).await
}

#[tokio::test]
async fn as12_consent_page_shows_the_configured_description_of_a_scope() {
    let server = acme(|config| {
        config
            .with_scope_description("prices:write", "Change <your> prices")
            .with_scope_description("notes:read", "Read your notes")
    })
    .await;
    let page = page_for(&server, "mcp:tools prices:write").await;
    let described = "<li>Change &lt;your&gt; prices <code>prices:write</code></li>";
    assert!(page.contains(described), "{page}");
    let others = "Scopes: <code>mcp:tools</code></p>";
    assert!(page.contains(others), "{page}");
    // The client has not asked for this scope.
    assert!(!page.contains("Read your notes"), "{page}");
}

#[tokio::test]
async fn as12_consent_page_describes_a_scope_that_a_wider_one_implies() {
    let server = acme(|config| {
        config
            .with_implied_scopes("owner", &["prices:write"])
            .with_scope_description("prices:write", "Change your prices")
    })
    .await;
    let described = "<li>Change your prices";
    assert!(page_for(&server, "owner").await.contains(described));
    assert!(!page_for(&server, "mcp:tools").await.contains(described));
}

#[tokio::test]
async fn as12_tools_are_not_shown_before_the_sign_in() {
    let setup = GitHubSetup::new().await;
    let page = text(setup.client.authorize(&setup.client.request()).await).await;
    assert!(
        page.contains("You sign in with <strong>GitHub</strong>"),
        "{page}"
    );
    assert!(page.contains("Use the tools of this server"), "{page}");
    assert!(!page.contains("whoami"), "{page}");
}

#[tokio::test]
async fn another_user_can_sign_out_and_continue() {
    let server = acme(|config| config.with_password(PASSWORD)).await;
    let client = TestClient::register(&server.base()).await;
    let sign_in = text(client.authorize(&client.request()).await).await;
    assert!(sign_in.contains("autocomplete=\"username\" value=\"admin\" readonly hidden"));
    assert!(sign_in.contains("aria-describedby=\"password-hint\""));
    let form = form_in(&sign_in);
    let fields = [("form", form.as_str()), ("password", PASSWORD)];
    client.submit("/sign-in", &fields).await;
    let consent = text(client.authorize(&client.request()).await).await;
    assert!(consent.contains("<strong>admin</strong>"), "{consent}");
    assert!(consent.contains("value=\"sign out\""), "{consent}");

    let form = form_in(&consent);
    let fields = [("form", form.as_str()), ("decision", "sign out")];
    let response = client.submit("/consent", &fields).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let next = location(&response);
    assert!(next.starts_with("/authorize?response_type=code"), "{next}");
    let page = text(client.authorize(&client.request()).await).await;
    assert!(page.contains("type=\"password\""), "{page}");
    // The form of the user who was signed in before is worthless now.
    let fields = [("form", form.as_str()), ("decision", "allow")];
    let page = text(client.submit("/consent", &fields).await).await;
    assert!(page.contains("You continued in another tab"), "{page}");
}
