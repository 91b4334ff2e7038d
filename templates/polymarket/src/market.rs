//! Markets as the API sends them, and as the model reads them.

use rmcp::schemars;
use serde::{Deserialize, Deserializer, Serialize};

/// A market: a question and the prices of its answers.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Market {
    pub question: String,
    /// The price of "yes" from 0 to 1, which is the probability that traders expect.
    pub yes_price: Option<f64>,
    pub no_price: Option<f64>,
    /// Traded in the last 24 hours, in US dollars.
    pub volume_24h: f64,
    /// Traded since the market opened, in US dollars.
    pub volume: f64,
    pub liquidity: f64,
    pub end_date: Option<String>,
    pub active: bool,
    pub closed: bool,
    pub url: String,
}

/// A list of markets, the most traded first.
#[derive(Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Markets {
    pub markets: Vec<Market>,
}

impl Markets {
    /// Returns at most `limit` of the `markets` whose question contains one of `words`, in the same
    /// order.
    pub fn about(markets: &[Market], words: &[&str], limit: usize) -> Self {
        let words: Vec<_> = words.iter().map(|word| word.to_lowercase()).collect();
        let is_about = |market: &&Market| {
            let question = market.question.to_lowercase();
            words.iter().any(|word| question.contains(word))
        };
        let found = markets.iter().filter(is_about).take(limit);
        Self {
            markets: found.cloned().collect(),
        }
    }
}

/// The fields of the API. All of them except the question may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    question: String,
    slug: Option<String>,
    /// A JSON list in a string: `["0.62", "0.38"]`.
    outcome_prices: Option<String>,
    #[serde(default, deserialize_with = "number")]
    volume24hr: f64,
    #[serde(default, deserialize_with = "number")]
    volume: f64,
    #[serde(default, deserialize_with = "number")]
    liquidity: f64,
    end_date: Option<String>,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    closed: bool,
}

/// Reads a number that the API sends as a number, a string or null.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Plain(f64),
        Text(String),
        Nothing(()),
    }
    Ok(match Number::deserialize(from)? {
        Number::Plain(number) => number,
        Number::Text(text) => text.parse().unwrap_or_default(),
        Number::Nothing(()) => 0.0,
    })
}

impl From<Wire> for Market {
    fn from(wire: Wire) -> Self {
        let prices = wire.outcome_prices.unwrap_or_default();
        let prices: Vec<String> = serde_json::from_str(&prices).unwrap_or_default();
        let price = |at: usize| prices.get(at).and_then(|price| price.parse().ok());
        let slug = wire.slug.unwrap_or_default();
        Self {
            yes_price: price(0),
            no_price: price(1),
            question: wire.question,
            volume_24h: wire.volume24hr,
            volume: wire.volume,
            liquidity: wire.liquidity,
            end_date: wire.end_date,
            active: wire.active,
            closed: wire.closed,
            url: format!("https://polymarket.com/market/{slug}"),
        }
    }
}

impl<'de> Deserialize<'de> for Market {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Wire::deserialize(from).map(Self::from)
    }
}
