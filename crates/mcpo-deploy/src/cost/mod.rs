//! Estimates what a service costs, from the planned settings and Google's list prices.
//!
//! The estimate has two parts: the cost of a month without calls, and the cost of a million calls.
//! The manual page `docs/costs.md` explains the arithmetic. This module must not send requests.

mod prices;
mod workload;

use mcpo_common::text::grouped;
use serde_json::{Value, json};

use self::prices::PRICES;
pub use self::workload::Workload;

/// The number of calls that an estimate is for.
const CALLS: f64 = 1_000_000.0;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// The estimated cost in US dollars.
#[derive(Debug)]
pub struct Estimate {
    region: String,
    at_rest: Vec<MonthlyItem>,
    calls: Vec<CallItem>,
    /// How many calls a month are covered by the free tier of Cloud Run, if no other service of the
    /// billing account uses it. `None` if unknown.
    free_calls: Option<u64>,
}

/// A part of the monthly cost without calls. An amount is `None` if it is unknown.
#[derive(Debug)]
struct MonthlyItem {
    id: &'static str,
    amount: Option<f64>,
    /// The part of the amount that the free tier covers, if nothing else uses it.
    free: f64,
}

/// A part of the cost of a million calls. An amount is `None` if it is unknown.
#[derive(Debug)]
struct CallItem {
    id: &'static str,
    /// If no two calls run at the same time.
    alone: Option<f64>,
    /// If as many calls as allowed run at the same time, and share an instance.
    shared: Option<f64>,
}

impl Estimate {
    pub fn of(workload: &Workload) -> Self {
        Self {
            region: workload.region.clone(),
            at_rest: at_rest(workload),
            calls: calls(workload),
            free_calls: free_calls(workload),
        }
    }

    /// Returns the cost of a month without calls: after the free tier, and without it.
    fn monthly(&self) -> (Option<f64>, Option<f64>) {
        // The image costs less than a cent.
        let is_unknown = |item: &MonthlyItem| item.amount.is_none() && item.id != "image";
        if self.at_rest.iter().any(is_unknown) {
            return (None, None);
        }
        let sum = |amount: fn(&MonthlyItem) -> f64| Some(self.at_rest.iter().map(amount).sum());
        (
            sum(|item| (item.amount.unwrap_or_default() - item.free).max(0.0)),
            sum(|item| item.amount.unwrap_or_default()),
        )
    }

    /// Returns the cost of a million calls: if they share instances, and if each runs alone.
    fn million(&self) -> (Option<f64>, Option<f64>) {
        let of = |amount: fn(&CallItem) -> Option<f64>| {
            let is_known = |item: &&CallItem| amount(item).is_some() || item.id == "network";
            let known: Vec<_> = self.calls.iter().filter(is_known).collect();
            (known.len() == self.calls.len())
                .then(|| known.into_iter().filter_map(amount).sum::<f64>())
        };
        (of(|item| item.shared), of(|item| item.alone))
    }

    /// Returns the estimate as one line.
    pub fn line(&self) -> String {
        let month = match self.monthly() {
            (Some(least), Some(most)) if dollars(least) == dollars(most) => {
                format!("{} USD a month at rest", dollars(most))
            }
            (Some(least), Some(most)) => format!(
                "{} USD a month at rest ({} without the free tier)",
                dollars(least),
                dollars(most)
            ),
            _ => "unknown at rest".to_owned(),
        };
        let duration = f64::from(PRICES.assumptions.milliseconds_per_call) / 1000.0;
        let million = match self.million() {
            (Some(least), Some(most)) => format!(
                "{} to {} USD per million calls of {duration} s",
                dollars(least),
                dollars(most)
            ),
            _ => "unknown per million calls".to_owned(),
        };
        let free = self.free_calls.map_or_else(String::new, |calls| {
            format!(", after {} free calls a month", grouped(calls))
        });
        format!("{month}; {million}{free}{}", self.missing())
    }

    /// Returns the note about missing prices in the line. The image costs less than a cent.
    fn missing(&self) -> String {
        let region = &self.region;
        let is_network_known = self
            .calls
            .iter()
            .any(|item| item.id == "network" && item.alone.is_some());
        if self.monthly().1.is_none() || self.million().1.is_none() {
            format!("; mcpo does not know the prices of {region}")
        } else if is_network_known {
            String::new()
        } else {
            format!("; without network, for which mcpo knows no price in {region}")
        }
    }

    /// Returns the estimate for the JSON report. Amounts are null if they are unknown.
    pub fn as_json(&self) -> Value {
        let at_rest: Vec<_> = self
            .at_rest
            .iter()
            .map(|item| {
                let rest = item.amount.map(|amount| (amount - item.free).max(0.0));
                json!({ "item": item.id, "amount": rounded(rest), "without_free_tier": rounded(item.amount) })
            })
            .collect();
        let calls: Vec<_> = self
            .calls
            .iter()
            .map(|item| {
                json!({ "item": item.id, "shared": rounded(item.shared), "alone": rounded(item.alone) })
            })
            .collect();
        let (month, full_month) = self.monthly();
        let (shared, alone) = self.million();
        let ids = self.at_rest.iter().map(|item| item.id);
        let ids = ids.chain(self.calls.iter().map(|item| item.id));
        let prices: Vec<_> = ids.map(|id| PRICES.describe(id, &self.region)).collect();
        json!({
            "currency": PRICES.currency,
            "prices_as_of": PRICES.as_of(),
            "region_tier": PRICES.tier(&self.region),
            "source_of_region_tier": PRICES.source_of_tiers(),
            "at_rest_per_month": {
                "amount": rounded(month), "without_free_tier": rounded(full_month), "items": at_rest,
            },
            "per_million_calls": {
                "shared": rounded(shared), "alone": rounded(alone), "items": calls,
                "milliseconds_per_call": PRICES.assumptions.milliseconds_per_call,
                "kib_per_response": PRICES.assumptions.kib_per_response,
                "free_calls_per_month": self.free_calls,
            },
            "prices": prices,
        })
    }
}

/// Returns the monthly cost without calls.
fn at_rest(workload: &Workload) -> Vec<MonthlyItem> {
    let price = |id| PRICES.unit_price(id, &workload.region);
    let seconds = f64::from(PRICES.assumptions.days_per_month) * SECONDS_PER_DAY;
    let kept = f64::from(workload.min_instances) * seconds;
    let item = |id, units: f64| MonthlyItem {
        id,
        // Nothing costs nothing, also in a region with unknown prices.
        amount: if units > 0.0 {
            price(id).map(|price| price * units)
        } else {
            Some(0.0)
        },
        free: PRICES.free_credit(id),
    };
    let (cpu, memory) = (kept * workload.cpu, kept * workload.memory_gib);
    let instances = if workload.is_billed_per_request {
        [item("kept_cpu", cpu), item("kept_memory", memory)]
    } else {
        [item("instance_cpu", cpu), item("instance_memory", memory)]
    };
    let image = match workload.image_gb {
        Some(size) => item("image", size),
        None => MonthlyItem {
            id: "image",
            amount: None,
            free: 0.0,
        },
    };
    let mut items = Vec::from(instances);
    items.extend([item("secrets", f64::from(workload.secrets)), image]);
    items
}

/// Returns the cost of a million calls, beyond the free tier.
fn calls(workload: &Workload) -> Vec<CallItem> {
    let price = |id| PRICES.unit_price(id, &workload.region);
    let each = |id, amount: Option<f64>| CallItem {
        id,
        alone: amount,
        shared: amount,
    };
    let seconds = CALLS * f64::from(PRICES.assumptions.milliseconds_per_call) / 1000.0;
    let mut items = Vec::new();
    if workload.is_billed_per_request {
        // A request to an instance that is kept changes its state from idle to busy.
        let busy = |id, kept| {
            let price = price(id)?;
            match workload.min_instances {
                0 => Some(price),
                _ => Some(price - PRICES.unit_price(kept, &workload.region)?),
            }
        };
        let shared = f64::from(workload.concurrency.max(1));
        let instance = |id, kept, size: f64| {
            let alone = busy(id, kept).map(|price| price * seconds * size);
            CallItem {
                id,
                alone,
                shared: alone.map(|amount| amount / shared),
            }
        };
        items.push(instance("cpu", "kept_cpu", workload.cpu));
        items.push(instance("memory", "kept_memory", workload.memory_gib));
        items.push(each(
            "requests",
            price("requests").map(|price| price * CALLS),
        ));
    } else {
        // A kept instance is paid for in any case. Cloud Run does not say how long another one
        // stays.
        let amount = (workload.min_instances > 0).then_some(0.0);
        items.extend([
            each("instance_cpu", amount),
            each("instance_memory", amount),
        ]);
    }
    if workload.has_bucket {
        // A call reads its grant at most once a minute, so calls of one user share a read.
        items.push(CallItem {
            id: "ledger_read",
            alone: price("ledger_read").map(|price| price * CALLS),
            shared: Some(0.0),
        });
    }
    let gib = CALLS * f64::from(PRICES.assumptions.kib_per_response) / (1024.0 * 1024.0);
    items.push(each("network", price("network").map(|price| price * gib)));
    items
}

/// Returns how many calls the free tier of Cloud Run covers each month, if no two calls run at the
/// same time.
fn free_calls(workload: &Workload) -> Option<u64> {
    if !workload.is_billed_per_request {
        return None;
    }
    let seconds = f64::from(PRICES.assumptions.milliseconds_per_call) / 1000.0;
    let per_call = [
        ("cpu", seconds * workload.cpu),
        ("memory", seconds * workload.memory_gib),
        ("requests", 1.0),
    ];
    let mut least = f64::INFINITY;
    for (id, units) in per_call {
        let price = PRICES.unit_price(id, &workload.region)?;
        least = least.min(PRICES.free_credit(id) / (price * units));
    }
    // The sum allows for rounding errors just below a whole number.
    let calls = (least + 1e-6).floor();
    format!("{calls:.0}").parse().ok()
}

fn dollars(amount: f64) -> String {
    format!("{amount:.2}")
}

/// Rounds to a hundredth of a cent.
fn rounded(amount: Option<f64>) -> Option<f64> {
    amount.map(|amount| (amount * 10_000.0).round() / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::{Estimate, Workload};

    /// The default settings in a region of tier 1: 1 vCPU, 512 MiB, no kept instance, two secrets.
    fn default() -> Workload {
        Workload {
            region: "europe-west1".to_owned(),
            cpu: 1.0,
            memory_gib: 0.5,
            min_instances: 0,
            concurrency: 80,
            is_billed_per_request: true,
            secrets: 2,
            image_gb: Some(0.0034),
            has_bucket: true,
        }
    }

    #[track_caller]
    fn assert_near(amount: Option<f64>, expected: f64) {
        let amount = amount.unwrap();
        assert!((amount - expected).abs() < 1e-6, "{amount}, not {expected}");
    }

    fn item(estimate: &Estimate, id: &str) -> (Option<f64>, Option<f64>) {
        let item = estimate.calls.iter().find(|item| item.id == id).unwrap();
        (item.shared, item.alone)
    }

    #[test]
    fn million_calls_cost_their_time_requests_reads_and_responses() {
        let estimate = Estimate::of(&default());
        // 500,000 vCPU-seconds and 250,000 GiB-seconds.
        assert_near(item(&estimate, "cpu").1, 12.0);
        assert_near(item(&estimate, "memory").1, 0.625);
        assert_near(item(&estimate, "requests").1, 0.4);
        assert_near(item(&estimate, "ledger_read").1, 0.4);
        // 3.814697 GiB.
        assert_near(item(&estimate, "network").1, 0.457_763_672);
        assert_near(estimate.million().1, 13.882_763_672);
        // 80 calls share an instance: 0.15 and 0.0078125.
        assert_near(estimate.million().0, 1.015_576_172);
        // 180,000 free vCPU-seconds.
        assert_eq!(estimate.free_calls, Some(360_000));
    }

    #[test]
    fn free_units_are_worth_the_prices_of_tier_1() {
        let workload = Workload {
            region: "europe-west3".to_owned(),
            ..default()
        };
        let estimate = Estimate::of(&workload);
        assert_near(item(&estimate, "cpu").1, 16.8);
        assert_near(item(&estimate, "memory").1, 0.875);
        // 4.32 dollars of 0.0000168 dollars a call.
        assert_eq!(estimate.free_calls, Some(257_142));
    }

    #[test]
    fn kept_instance_costs_its_idle_time_and_makes_calls_cheaper() {
        let workload = Workload {
            min_instances: 1,
            ..default()
        };
        let estimate = Estimate::of(&workload);
        // 2,592,000 seconds: 6.48 and 3.24; two secrets: 0.12; the image: 0.00034.
        let (least, most) = estimate.monthly();
        assert_near(least, 9.72);
        assert_near(most, 9.840_34);
        assert_near(item(&estimate, "cpu").1, 10.75);
        assert_near(item(&estimate, "memory").1, 0.0);
    }

    #[test]
    fn secrets_beyond_the_free_tier_cost_each_month() {
        let workload = Workload {
            secrets: 10,
            ..default()
        };
        let (least, most) = Estimate::of(&workload).monthly();
        assert_near(least, 0.24);
        assert_near(most, 0.600_34);
    }

    #[test]
    fn instance_based_billing_has_no_price_per_call() {
        let kept = Workload {
            is_billed_per_request: false,
            min_instances: 1,
            has_bucket: false,
            ..default()
        };
        let estimate = Estimate::of(&kept);
        // 46.656 and 2.592, less 4.32 and 0.90.
        assert_near(estimate.monthly().0, 44.028);
        assert_near(estimate.million().1, 0.457_763_672);
        let not_kept = Workload {
            min_instances: 0,
            ..kept
        };
        assert_eq!(Estimate::of(&not_kept).million(), (None, None));
    }

    #[test]
    fn unknown_prices_are_named_and_not_guessed() {
        let in_region = |region: &str| {
            Estimate::of(&Workload {
                region: region.to_owned(),
                ..default()
            })
        };
        let new = in_region("europe-west99");
        assert_eq!(
            new.line(),
            "0.00 USD a month at rest (0.12 without the free tier); unknown per million calls; mcpo \
             does not know the prices of europe-west99"
        );
        let json = new.as_json();
        assert!(json["per_million_calls"]["alone"].is_null(), "{json}");
        assert!(json["region_tier"].is_null(), "{json}");
        let asia = in_region("asia-east1");
        assert_near(asia.million().1, 13.425);
        assert!(asia.line().contains("; without network, for which"));
    }

    #[test]
    fn documentation_explains_the_line_of_the_default_settings() {
        let manual = include_str!("../../../../docs/costs.md");
        let estimate = Estimate::of(&default());
        let line = estimate.line();
        assert_eq!(
            line,
            "0.00 USD a month at rest (0.12 without the free tier); 1.02 to 13.88 USD per million \
             calls of 0.5 s, after 360,000 free calls a month"
        );
        assert!(manual.contains(&line), "docs/costs.md has no line {line}");
        for item in &estimate.calls {
            let amount = |amount: Option<f64>| format!("{:.3}", amount.unwrap());
            let row = format!("| {} | {} |", amount(item.alone), amount(item.shared));
            assert!(manual.contains(&row), "docs/costs.md: {} {row}", item.id);
        }
    }
}
