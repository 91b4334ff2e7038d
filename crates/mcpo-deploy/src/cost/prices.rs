//! Google's list prices, from `prices.json`.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

/// The table of prices.
pub static PRICES: LazyLock<Table> = LazyLock::new(|| {
    // A unit test parses the same file, so parsing cannot fail here.
    serde_json::from_str(include_str!("prices.json")).unwrap_or_default()
});

/// Prices, the regions where they apply, and the assumptions of an estimate.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub currency: String,
    pub assumptions: Assumptions,
    tiers: Tiers,
    prices: Vec<Price>,
}

/// What an estimate assumes about calls.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assumptions {
    pub days_per_month: u32,
    /// Cloud Run rounds the duration of a request up to 100 milliseconds.
    pub milliseconds_per_call: u32,
    pub kib_per_response: u32,
}

/// The price tiers of Cloud Run's regions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tiers {
    /// The page of Google with this list.
    source: String,
    /// The day on which the list was compared with a copy of its source.
    as_of: String,
    tier_1: Vec<String>,
    tier_2: Vec<String>,
}

/// The price of `per` units. A price that depends on the tier of the region may be known for one
/// tier only.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    id: String,
    what: String,
    unit: String,
    per: f64,
    tier_1: Option<f64>,
    tier_2: Option<f64>,
    /// The price in every region, or in those of `only_in`.
    any: Option<f64>,
    /// The price applies to regions whose names begin like one of these; empty for all.
    #[serde(default)]
    only_in: Vec<String>,
    /// The units that are free each month, for all services of a billing account together.
    #[serde(default)]
    free: f64,
    /// The regions in which these units are free; empty for all.
    #[serde(default)]
    free_in: Vec<String>,
    /// The page of Google with this price.
    source: String,
    /// The day on which the price was compared with a copy of its source.
    as_of: String,
}

impl Table {
    /// Returns the price with this id.
    fn price(&self, id: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.id == id)
    }

    /// Returns the price of one unit in this region, if it is known.
    pub fn unit_price(&self, id: &str, region: &str) -> Option<f64> {
        let price = self.price(id)?;
        let is_priced = |start: &String| region.starts_with(start.as_str());
        if !price.only_in.is_empty() && !price.only_in.iter().any(is_priced) {
            return None;
        }
        let amount = match self.tier(region) {
            _ if price.any.is_some() => price.any,
            Some(1) => price.tier_1,
            Some(_) => price.tier_2,
            None => None,
        };
        Some(amount? / price.per)
    }

    /// Returns the value of the units that are free each month. Google values them at the prices of
    /// tier 1 in every region.
    pub fn free_credit(&self, id: &str) -> f64 {
        self.price(id).map_or(0.0, |price| {
            let amount = price.any.or(price.tier_1).unwrap_or_default();
            price.free * amount / price.per
        })
    }

    /// Returns a price for the JSON report, with its source.
    pub fn describe(&self, id: &str, region: &str) -> Value {
        self.price(id).map_or(Value::Null, |price| {
            let amount = self.unit_price(id, region).map(|amount| amount * price.per);
            json!({
                "item": price.id,
                "what": price.what,
                "unit": price.unit,
                "units": price.per,
                "amount": amount,
                "free_units": price.free,
                "free_in": price.free_in,
                "source": price.source,
                "as_of": price.as_of,
            })
        })
    }

    /// Returns the page of Google with the tiers.
    pub fn source_of_tiers(&self) -> &str {
        &self.tiers.source
    }

    /// Returns the price tier of a region of Cloud Run: 1, 2, or `None` if it is not known.
    pub fn tier(&self, region: &str) -> Option<u8> {
        let has = |list: &[String]| list.iter().any(|one| one == region);
        match (has(&self.tiers.tier_1), has(&self.tiers.tier_2)) {
            (true, _) => Some(1),
            (_, true) => Some(2),
            (false, false) => None,
        }
    }

    /// Returns the oldest day on which a price was compared with a copy of its source.
    pub fn as_of(&self) -> &str {
        let prices = self.prices.iter().map(|price| price.as_of.as_str());
        let all = prices.chain([self.tiers.as_of.as_str()]);
        all.min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use mcpo_common::text::grouped;

    use super::{PRICES, Price, Table};
    use crate::settings::REGIONS;

    #[test]
    fn each_price_has_a_source_and_a_day() {
        let table: Table = serde_json::from_str(include_str!("prices.json")).unwrap();
        assert_eq!(table.prices.len(), PRICES.prices.len());
        let sources = table.prices.iter().map(|one| (&one.source, &one.as_of));
        for (source, as_of) in sources.chain([(&table.tiers.source, &table.tiers.as_of)]) {
            assert!(source.starts_with("https://cloud.google.com/"), "{source}");
            assert!(as_of.len() == 10 && as_of.starts_with("20"), "{as_of}");
        }
        for price in &table.prices {
            let same = table.prices.iter().filter(|other| other.id == price.id);
            assert_eq!(same.count(), 1, "{}", price.id);
            assert_ne!(price.any.is_some(), price.tier_1.is_some(), "{}", price.id);
        }
    }

    #[test]
    fn each_region_has_one_tier() {
        for region in REGIONS {
            let lists = [&PRICES.tiers.tier_1, &PRICES.tiers.tier_2];
            let count = lists.iter().flat_map(|list| list.iter());
            let count = count.filter(|one| one == region).count();
            assert_eq!(count, 1, "{region}");
        }
        assert_eq!(PRICES.tier("europe-west99"), None);
    }

    #[test]
    fn price_of_an_unlisted_region_is_unknown() {
        let price = |id, region| PRICES.unit_price(id, region);
        assert_eq!(price("cpu", "europe-west1"), Some(0.000_024));
        assert_eq!(price("cpu", "europe-west3"), Some(0.000_033_6));
        assert_eq!(price("cpu", "europe-west99"), None);
        assert_eq!(price("instance_cpu", "europe-west3"), None);
        assert_eq!(price("network", "us-east5"), Some(0.12));
        assert_eq!(price("network", "asia-east1"), None);
        assert_eq!(price("secrets", "europe-west99"), Some(0.06));
    }

    /// The simple example of <https://cloud.google.com/storage/pricing-examples>: 10,000 class A
    /// operations, 50,000 class B operations and 1 GB to the internet, in `us-east1`.
    #[test]
    fn published_example_of_cloud_storage_gives_the_published_amounts() {
        let cost = |id, units: f64| PRICES.unit_price(id, "us-east1").unwrap() * units;
        let expected = [
            ("ledger_write", 10_000.0, 0.05),
            ("ledger_read", 50_000.0, 0.02),
            ("network", 1.0, 0.12),
        ];
        for (id, units, amount) in expected {
            assert!((cost(id, units) - amount).abs() < 1e-9, "{id}");
        }
    }

    #[test]
    fn documentation_lists_every_price() {
        let manual = include_str!("../../../../docs/costs.md");
        for price in &PRICES.prices {
            let row = row(price);
            assert!(manual.contains(&row), "docs/costs.md has no row {row}");
            assert!(
                manual.contains(&price.source),
                "docs/costs.md: {}",
                price.source
            );
        }
        assert!(manual.contains(&PRICES.tiers.source));
        assert!(manual.contains(PRICES.as_of()));
        let names = |list: &[String]| -> String {
            let names: Vec<_> = list.iter().map(|region| format!("`{region}`")).collect();
            names.join(", ")
        };
        let words: Vec<_> = manual.split_whitespace().collect();
        let manual = words.join(" ");
        for list in [&PRICES.tiers.tier_1, &PRICES.tiers.tier_2] {
            assert!(
                manual.contains(&names(list)),
                "docs/costs.md: {}",
                names(list)
            );
        }
    }

    /// Returns the price as a row of the table in the manual.
    fn row(price: &Price) -> String {
        let amount = |it: Option<f64>| it.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
        let unit = match price.per.to_string().parse() {
            Ok(1) | Err(_) => price.unit.clone(),
            Ok(per) => format!("{} {}s", grouped(per), price.unit),
        };
        let (tier_1, tier_2) = match price.any {
            Some(_) => (price.any, price.any),
            None => (price.tier_1, price.tier_2),
        };
        let units = price.free.to_string();
        let units = units.parse().map_or(units, grouped);
        let free = match &*price.free_in.join(", ") {
            _ if price.free == 0.0 => "–".to_owned(),
            "" => units,
            regions => format!("{units} in {regions}"),
        };
        format!(
            "| {} | {unit} | {} | {} | {free} |",
            price.what,
            amount(tier_1),
            amount(tier_2)
        )
    }
}
