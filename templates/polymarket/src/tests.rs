//! Tests the tools against a fake Polymarket.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, extract::Query, routing::get};

use rmcp::ServerHandler as _;

use super::*;

const MARKETS: &str = r#"[
    {"question": "Will it rain in Paris?", "slug": "rain", "volume24hr": 900000},
    {"question": "Will WTI close above $100?", "slug": "wti-100", "active": true, "closed": false,
     "outcomePrices": "[\"0.62\", \"0.38\"]", "volume24hr": 10.5, "volume": "2000",
     "liquidity": null, "endDate": "2026-12-31T00:00:00Z"},
    {"question": "Sanctions on Iran lifted?", "slug": "iran", "volume24hr": 20}
]"#;

/// Starts a fake Polymarket that answers with `status` and `body`. Returns a server that uses it,
/// and the number of requests.
async fn stand_in(status: u16, body: &'static str) -> (Server, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let markets = move |Query(query): Query<HashMap<String, String>>| async move {
        count.fetch_add(1, Ordering::SeqCst);
        let status = axum::http::StatusCode::from_u16(status).unwrap();
        let Ok(mut found) = serde_json::from_str::<Vec<serde_json::Value>>(body) else {
            return (status, body.to_owned());
        };
        if let Some(slug) = query.get("slug") {
            found.retain(|market| market["slug"] == **slug);
        } else {
            // The API orders by this field, and only if it is asked to.
            assert_eq!(query["order"], "volume24hr");
            assert_eq!(query["ascending"], "false");
            found.sort_by_key(|market| Reverse(market["volume24hr"].as_f64().map(f64::to_bits)));
        }
        (status, serde_json::to_string(&found).unwrap())
    };
    let router = Router::new().route("/markets", get(markets));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let gamma = Gamma::new(&format!("http://{address}"));
    (Server::new(gamma), asked)
}

fn questions(markets: &Markets) -> Vec<&str> {
    markets
        .markets
        .iter()
        .map(|market| &*market.question)
        .collect()
}

#[tokio::test]
async fn the_thesis_comes_most_traded_first_and_from_memory() {
    let (server, asked) = stand_in(200, MARKETS).await;
    for _ in 0..3 {
        let Json(found) = server.get_hormuz_markets().await.unwrap();
        assert_eq!(
            questions(&found),
            ["Sanctions on Iran lifted?", "Will WTI close above $100?"]
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_search_ignores_case_and_keeps_to_the_limit() {
    let (server, _) = stand_in(200, MARKETS).await;
    let search = |keyword: &str, limit| Search {
        keyword: keyword.to_owned(),
        limit,
    };
    let found = server
        .search_markets(Parameters(search("RAIN", None)))
        .await;
    assert_eq!(questions(&found.unwrap().0), ["Will it rain in Paris?"]);
    let found = server.search_markets(Parameters(search("", Some(2)))).await;
    assert_eq!(found.unwrap().0.markets.len(), 2);
}

#[tokio::test]
async fn a_market_is_found_by_its_slug_or_said_to_be_missing() {
    let (server, _) = stand_in(200, MARKETS).await;
    let by = |slug: &str| {
        Parameters(BySlug {
            slug: slug.to_owned(),
        })
    };
    let Json(market) = server.get_market_by_slug(by(" wti-100 ")).await.unwrap();
    assert_eq!(market.url, "https://polymarket.com/market/wti-100");
    let missing = server.get_market_by_slug(by("nothing")).await;
    assert!(missing.err().unwrap().contains("\"nothing\""));
}

#[test]
fn fields_are_read_in_every_form_they_come_in() {
    let markets: Vec<Market> = serde_json::from_str(MARKETS).unwrap();
    let market = &markets[1];
    assert_eq!(
        (market.yes_price, market.no_price),
        (Some(0.62), Some(0.38))
    );
    assert_eq!((market.volume, market.liquidity), (2000.0, 0.0));
    assert_eq!(markets[0].yes_price, None);
}

#[tokio::test]
async fn an_api_that_is_down_is_said_to_be() {
    for (status, said) in [
        (503, "503"),
        (429, "rate limit"),
        (200, "unexpected answer"),
    ] {
        let (server, _) = stand_in(status, "{}").await;
        let error = server.get_hormuz_markets().await.err().unwrap();
        assert!(error.contains(said), "{error}");
    }
    let gamma = Gamma::new("http://127.0.0.1:1");
    let error = Server::new(gamma).get_hormuz_markets().await.err().unwrap();
    assert!(error.contains("cannot be reached"), "{error}");
}

#[test]
fn introduces_itself() {
    let server = Server::new(Gamma::new("http://127.0.0.1:1"));
    let info = server.get_info();
    assert!(info.instructions.is_some());
    assert!(info.server_info.title.is_some());
    assert!(info.server_info.icons.is_some());
}
