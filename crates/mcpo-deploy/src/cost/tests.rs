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
        has_instance: false,
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
fn memorystore_instance_has_an_unknown_price() {
    let workload = Workload {
        has_instance: true,
        ..default()
    };
    let estimate = Estimate::of(&workload);
    assert_eq!(estimate.monthly(), (None, None));
    let line = estimate.line();
    assert!(line.starts_with("0.00 USD a month at rest"), "{line}");
    assert!(
        line.ends_with("without the Memorystore instance, for which mcpo knows no price"),
        "{line}"
    );
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
