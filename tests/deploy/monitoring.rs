//! The uptime check, its alert and the budget are created once, changed, and deleted.

use mcpo_test_support::google::{Fault, Google};
use serde_json::Value;

use crate::project::{Project, fetch, google, writes};

const BUDGET: &str = "[package.metadata.mcpo]\nbudget = \"20 EUR\"\n";
const CHECK: &str = "uptime-check = true\nalert-email = \"me@example.com\"\n";

/// The methods that create, in the order of a run.
const STEPS: [&str; 4] = [
    "monitoring.projects.notificationChannels.create",
    "monitoring.projects.uptimeCheckConfigs.create",
    "monitoring.projects.alertPolicies.create",
    "billingbudgets.billingAccounts.budgets.create",
];

/// Returns the resources of one kind.
fn find(google: &Google, collection: &str) -> Vec<Value> {
    let part = format!("/{collection}/");
    let names = google.resources();
    let names = names.iter().filter(|name| name.contains(&part));
    names.map(|name| google.resource(name)).collect()
}

#[test]
fn uptime_check_and_budget_are_created_once_and_deleted() {
    let (google, project) = (google(), Project::with(&format!("{BUDGET}{CHECK}")));
    let dry = project.run(&google, &["--dry-run", "--json"]);
    dry.has(10, &[]);
    let plan: Value = serde_json::from_str(&dry.stdout).unwrap();
    let changes = plan["changes"].as_array().unwrap();
    let methods: Vec<_> = changes.iter().map(|it| &it["methods"][0]).collect();
    assert_eq!(methods[methods.len() - 4..], STEPS);

    // The response of each creation is lost, and the process is killed: mcpo finds what it created.
    for step in STEPS {
        google.fail(step, Fault::LostResponse, u32::MAX);
        let mut run = project.start(&google, &["--no-verify"]);
        mcpo_test_support::wait::until(step, || {
            google
                .calls()
                .iter()
                .any(|(id, _)| id == step)
                .then_some(())
        });
        run.kill().unwrap();
        run.wait().unwrap();
        google.clear_faults();
    }
    project.deploy(&google, &[]);
    assert_eq!(fetch(&google, "/version"), "one");
    for collection in [
        "notificationChannels",
        "uptimeCheckConfigs",
        "alertPolicies",
        "budgets",
    ] {
        assert_eq!(find(&google, collection).len(), 1, "{collection}");
    }
    let check = find(&google, "uptimeCheckConfigs").remove(0);
    let host = "tiny-123456789012.europe-west1.run.app";
    assert_eq!(check["monitoredResource"]["labels"]["host"], host);
    let policy = find(&google, "alertPolicies").remove(0);
    assert_eq!(
        policy["notificationChannels"][0],
        find(&google, "notificationChannels")[0]["name"]
    );
    let budget = find(&google, "budgets").remove(0);
    assert_eq!(budget["amount"]["specifiedAmount"]["units"], "20");
    google.clear_calls();
    project.deploy(&google, &[]).has(0, &["nothing to do"]);
    assert_eq!(writes(&google), Vec::<String>::new());

    // Another amount, another address, and no email any more.
    let manifest = BUDGET.replace("20 EUR", "30.50 EUR");
    let check = CHECK.replace("me@", "you@");
    project.manifest(&format!("{manifest}{check}"));
    google.clear_calls();
    project.deploy(&google, &[]);
    let expected = [
        "monitoring.projects.notificationChannels.create",
        "monitoring.projects.alertPolicies.patch",
        "billingbudgets.billingAccounts.budgets.patch",
        "monitoring.projects.notificationChannels.delete",
    ];
    assert_eq!(writes(&google), expected);
    let budget = find(&google, "budgets").remove(0);
    assert_eq!(budget["amount"]["specifiedAmount"]["nanos"], 500_000_000);
    project.manifest(&format!("{manifest}uptime-check = true\n"));
    google.clear_calls();
    project.deploy(&google, &[]);
    let expected = [
        "monitoring.projects.alertPolicies.delete",
        "monitoring.projects.notificationChannels.delete",
    ];
    assert_eq!(writes(&google), expected);

    // Deletion also finds what the settings no longer request.
    project.manifest("");
    project
        .run(&google, &["--delete", "--yes"])
        .has(0, &["budget", "uptime check"]);
    let left = google.resources();
    assert_eq!(
        left,
        ["projects/my-project/locations/europe-west1/repositories/mcpo"]
    );
}

#[test]
fn budget_that_cannot_be_created_stops_before_the_first_change() {
    let (google, project) = (google(), Project::with(&BUDGET.replace("EUR", "USD")));
    let result = project.run(&google, &["--no-verify"]);
    result.has(2, &["the currency of the billing account is EUR", "20 EUR"]);
    let project = Project::with(BUDGET);
    let list = "billingbudgets.billingAccounts.budgets.list";
    google.fail(list, Fault::Denied("billing.budgets.list"), 1);
    let result = project.run(&google, &["--no-verify"]);
    result.has(
        2,
        &[
            "failed to read the budget",
            "billing.budgets.list",
            "roles/billing.viewer",
        ],
    );
    assert_eq!(writes(&google), Vec::<String>::new());
}
