//! The pages outside of a sign-in, and what all pages have in common.

use std::{process::Command, sync::Arc};

use mcpo_runtime::{BaseUrl, Config, Server};
use mcpo_test_support::{
    acme::{Acme, TOOLS},
    caller_tools::CallerTools,
    client::{TestClient, browser},
    process::SECRET,
    server::{TestServer, test_keys},
};
use reqwest::{Method, Response, StatusCode};
use tokio::net::TcpListener;

pub const PASSWORD: &str = "open sesame";
/// What browsers send when a user opens an address.
const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

/// What Java's `HttpURLConnection` sends.
const JAVA: &str = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2";

pub async fn acme(change: impl FnOnce(Config) -> Config) -> TestServer {
    TestServer::start_serving(Acme, "127.0.0.1:0", Arc::default(), change).await
}

async fn open(server: &TestServer, path: &str) -> Response {
    let request = browser().get(format!("{}{path}", server.base()));
    request.header("accept", HTML).send().await.unwrap()
}

pub async fn text(response: Response) -> String {
    let text = response.text().await.unwrap();
    text.replace("&#x2f;", "/").replace("&quot;", "\"")
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn landing_page_shows_browsers_how_to_add_the_server() {
    let server = acme(|config| config.with_password(PASSWORD)).await;
    for path in ["/", "/mcp"] {
        let page = open(&server, path).await;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        assert!(!page.headers().contains_key("set-cookie"));
        assert_eq!(header(&page, "cache-control"), "private, max-age=300");
        assert!(header(&page, "vary").contains("Accept"));
        let policy = header(&page, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("script-src"), "{policy}");
        let page = text(page).await;
        for part in [
            "Acme Tools <span class=\"quiet\">2.4.0</span>",
            "Finds anvils, and orders them.",
            "sign in on a page of this server",
            &format!("value=\"{}/mcp\"", server.base()),
            &format!(
                "claude mcp add --transport http acme-tools {}/mcp<",
                server.base()
            ),
            &format!("codex mcp add acme-tools --url {}/mcp<", server.base()),
            "href=\"cursor://anysphere.cursor-deeplink/mcp/install?name=acme-tools&amp;config=",
            "href=\"vscode:mcp/install?",
            "mcpo dev --tunnel",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        for (tool, _) in TOOLS {
            assert!(!page.contains(tool), "{tool} in {page}");
        }
    }
    let head = browser().head(format!("{}/mcp", server.base()));
    let head = head.header("accept", HTML).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert!(header(&head, "content-type").starts_with("text/html"));
    assert_eq!(head.text().await.unwrap(), "");
}

/// Clients and scanners depend on these responses.
#[tokio::test]
async fn rs2_programs_get_no_pages() {
    let server = acme(|config| config.with_password(PASSWORD)).await;
    let json = ("accept", "application/json");
    for (method, path, headers, expected) in [
        (Method::GET, "/", vec![], 404),
        (Method::GET, "/", vec![json], 404),
        (Method::POST, "/", vec![("accept", HTML)], 404),
        (Method::GET, "/unknown", vec![("accept", "*/*")], 404),
        (Method::GET, "/mcp/", vec![json], 404),
        (Method::GET, "/mcp", vec![("accept", "*/*")], 401),
        (Method::GET, "/mcp", vec![("accept", JAVA)], 401),
        (
            Method::GET,
            "/mcp",
            vec![("accept", "text/event-stream")],
            401,
        ),
        (Method::POST, "/mcp", vec![("accept", HTML)], 401),
        (
            Method::GET,
            "/mcp",
            vec![("accept", HTML), ("mcp-protocol-version", "2025-11-25")],
            401,
        ),
        (
            Method::GET,
            "/mcp",
            vec![("accept", HTML), ("authorization", "Bearer x")],
            401,
        ),
        (Method::GET, "/sign-in", vec![], 405),
        (Method::GET, "/consent", vec![json], 405),
    ] {
        let mut request = browser().request(method.clone(), format!("{}{path}", server.base()));
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let case = format!("{method} {path} {headers:?}");
        assert_eq!(response.status().as_u16(), expected, "{case}");
        assert!(
            !header(&response, "content-type").contains("html"),
            "{case}"
        );
        if method == Method::GET {
            // A cache must not send these to a browser, nor a page to a client.
            assert!(header(&response, "vary").contains("Accept"), "{case}");
            assert_eq!(header(&response, "cache-control"), "no-store", "{case}");
        }
        if expected == 401 {
            assert!(header(&response, "www-authenticate").contains("resource_metadata"));
        }
        if expected == 405 {
            assert_eq!(header(&response, "allow"), "POST", "{case}");
        }
    }
}

/// A client in a page looks for metadata at several paths. Without these headers, it would get an
/// error of the browser instead of a 404.
#[tokio::test]
async fn rs9_clients_in_pages_can_read_the_404_of_an_unknown_path() {
    let server = acme(|config| config.with_password(PASSWORD)).await;
    let url = format!(
        "{}/.well-known/oauth-authorization-server/mcp",
        server.base()
    );
    let origin = ("origin", "https://client.example");
    let get = browser()
        .get(&url)
        .header(origin.0, origin.1)
        .header("accept", HTML);
    let answer = get.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    assert_eq!(answer.text().await.unwrap(), "");
    let preflight = browser()
        .request(Method::OPTIONS, &url)
        .header(origin.0, origin.1);
    let preflight = preflight.header("access-control-request-method", "GET");
    assert_eq!(preflight.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn rs8_pages_are_only_for_hosts_of_this_server() {
    let server = acme(|config| config.with_password(PASSWORD)).await;
    for path in ["/", "/mcp", "/favicon.ico", "/unknown"] {
        let request = browser().get(format!("http://{}{path}", server.address));
        let request = request
            .header("accept", HTML)
            .header("host", "evil.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn landing_page_lists_tools_only_if_everyone_may_list_them() {
    let open_listing = |config: Config| config.with_password(PASSWORD).with_open_listing(true);
    for server in [acme(open_listing).await, acme(|config| config).await] {
        let page = text(open(&server, "/").await).await;
        assert!(page.contains("<h2>Tools</h2>"), "{page}");
        for (tool, _) in TOOLS {
            assert!(page.contains(tool), "{tool} in {page}");
        }
    }
}

#[tokio::test]
async fn addresses_of_a_sign_in_explain_themselves() {
    let server = acme(|config| config.with_password(PASSWORD)).await;
    for (path, status, words) in [
        ("/sign-in", 200, "Start in your client"),
        ("/consent", 200, "Start in your client"),
        ("/mcp/", 404, "without a slash at the end"),
        (
            "/unknown?x=<script>",
            404,
            "There is no page at this address",
        ),
    ] {
        let page = open(&server, path).await;
        assert_eq!(page.status().as_u16(), status, "{path}");
        assert_eq!(header(&page, "x-frame-options"), "DENY");
        let page = text(page).await;
        assert!(page.contains(words), "{page}");
        assert!(page.contains("How to add this server"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
    }
}

#[tokio::test]
async fn icon_is_the_logo_or_a_letter_and_runs_no_scripts() {
    // These tools have no card, so no icon.
    let unnamed = TestServer::start_serving(CallerTools, "127.0.0.1:0", Arc::default(), |config| {
        config.with_title("übung")
    })
    .await;
    let letter = open(&unnamed, "/favicon.svg").await;
    assert_eq!(header(&letter, "content-type"), "image/svg+xml");
    assert!(text(letter).await.ends_with(">Ü</text></svg>"));
    let page = text(open(&unnamed, "/").await).await;
    assert!(page.contains("<link rel=\"icon\" href=\"/favicon.svg\">"));
    let png = b"\x89PNG\r\n\x1a\n the rest";
    let server = acme(|config| config.with_logo(png)).await;
    let icon = open(&server, "/favicon.ico").await;
    assert_eq!(header(&icon, "content-type"), "image/png");
    assert_eq!(header(&icon, "x-content-type-options"), "nosniff");
    let policy = header(&icon, "content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"));
    assert_eq!(&icon.bytes().await.unwrap()[..], png);
    let page = text(open(&server, "/").await).await;
    assert!(page.contains("<img class=\"logo\" src=\"data:image/png;base64,"));
    assert!(page.contains("<link rel=\"icon\" href=\"/favicon.ico\">"));
}

#[tokio::test]
async fn brand_is_on_every_page() {
    let server = acme(|config| {
        config
            .with_password(PASSWORD)
            .with_accent_color("#ffdd00")
            .with_privacy_url("https://acme.example/privacy")
            .with_support_url("mailto:help@acme.example")
    })
    .await;
    let client = TestClient::register(&server.base()).await;
    let sign_in = client.authorize(&client.request()).await;
    for page in [open(&server, "/").await, open(&server, "/x").await, sign_in] {
        let page = text(page).await;
        // Yellow is too light for white text, and for links on white.
        assert!(
            page.contains("--accent: #ffdd00;\n  --on-accent: #000000;"),
            "{page}"
        );
        assert!(!page.contains("--link: #ffdd00;\n  --ink: #1c"), "{page}");
        assert!(page.contains("<a href=\"https://acme.example/privacy\" rel=\"noreferrer\">"));
        assert!(
            page.contains("<a href=\"mailto:help@acme.example\""),
            "{page}"
        );
    }
}

#[tokio::test]
async fn unusable_settings_of_pages_are_reported_together() {
    let base = BaseUrl::parse("http://localhost:1").unwrap();
    let config = Config::new(base, test_keys())
        .with_logo(b"<html>")
        .with_accent_color("red")
        .with_privacy_url("http://acme.example")
        .with_support_url("javascript:alert(1)");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = Server::new(Acme, config).serve_on(listener, async {}).await;
    let error = error.unwrap_err().to_string();
    assert_eq!(error.lines().count(), 5, "{error}");
    for name in [
        "Config::with_logo is not an SVG, PNG, JPEG, WebP or GIF picture",
        "Config::with_accent_color=\"red\"",
        "Config::with_privacy_url=\"http://acme.example\"",
        "Config::with_support_url=\"javascript:alert(1)\"",
    ] {
        assert!(error.contains(name), "{name} in {error}");
    }

    let output = Command::new(env!("CARGO_BIN_EXE_sample-server"))
        .env_clear()
        .envs([
            ("MCPO_SECRET", SECRET),
            ("MCPO_LOGO", "data:image/png;base64,c2VjcmV0"),
            ("MCPO_ACCENT_COLOR", "blue"),
            ("MCPO_PRIVACY_URL", "privacy.html"),
            ("MCPO_SUPPORT_URL", "help@acme.example"),
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 5, "{stderr}");
    assert!(stderr.contains("MCPO_LOGO is not an SVG"), "{stderr}");
    assert!(!stderr.contains("c2VjcmV0"), "{stderr}");
    for name in ["ACCENT_COLOR=\"blue\"", "PRIVACY_URL=", "SUPPORT_URL="] {
        assert!(stderr.contains(name), "{name} in {stderr}");
    }
}
