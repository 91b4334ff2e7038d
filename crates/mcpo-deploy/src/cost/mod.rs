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
/// The item for a Memorystore instance.
const INSTANCE: &str = "memorystore";
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
        self.monthly_without(&["image"])
    }

    /// Returns the same without the items in `ignored`, if their amounts are unknown.
    fn monthly_without(&self, ignored: &[&str]) -> (Option<f64>, Option<f64>) {
        let is_unknown = |item: &MonthlyItem| item.amount.is_none() && !ignored.contains(&item.id);
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
        let month = match self.monthly_without(&["image", INSTANCE]) {
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
        let (_, month) = self.monthly_without(&["image", INSTANCE]);
        if month.is_none() || self.million().1.is_none() {
            return format!("; mcpo does not know the prices of {region}");
        }
        let mut missing = Vec::new();
        if !is_network_known {
            missing.push(format!(
                "; without network, for which mcpo knows no price in {region}"
            ));
        }
        if self.at_rest.iter().any(|item| item.id == INSTANCE) {
            let text = "; without the Memorystore instance, for which mcpo knows no price";
            missing.push(text.to_owned());
        }
        missing.concat()
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
    // Google's price of an instance is not in the table.
    items.extend(workload.has_instance.then_some(MonthlyItem {
        id: INSTANCE,
        amount: None,
        free: 0.0,
    }));
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
mod tests;
