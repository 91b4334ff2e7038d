use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use mcpo_runtime::Caller;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde_json::json;

use super::Served;

/// The number of reports that a user may have in memory.
const MAX_REPORTS_PER_USER: usize = 10;

/// A report that is being made, or the finished text. Each report belongs to one user.
struct Report {
    owner: String,
    text: Option<String>,
}

/// All reports by their number.
type Reports = Arc<Mutex<HashMap<u64, Report>>>;

#[derive(Default)]
struct Server {
    reports: Reports,
    /// The number of the last report.
    last: AtomicU64,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct ByNumber {
    /// The number that `start_report` returned.
    number: u64,
}

/// Makes the report and stores it.
async fn make_report(number: u64, reports: Reports) {
    tokio::task::yield_now().await; // the work
    let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(report) = reports.get_mut(&number) {
        report.text = Some("Sales are up.".into());
    }
}

#[tool_router(server_handler)]
impl Server {
    /// Start a report. It takes a minute; call `get_report` with its number for the result.
    #[tool]
    async fn start_report(&self, caller: Caller) -> Result<String, String> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let owner = caller.subject().to_owned();
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let owned = reports.values().filter(|report| report.owner == owner);
        if owned.count() >= MAX_REPORTS_PER_USER {
            return Err("too many reports; get one of them first".into());
        }
        reports.insert(number, Report { owner, text: None });
        tokio::spawn(make_report(number, Arc::clone(&self.reports)));
        Ok(format!("Report {number} is being made."))
    }

    /// Get a report by its number. This works once for each report.
    #[tool]
    fn get_report(
        &self,
        caller: Caller,
        Parameters(by): Parameters<ByNumber>,
    ) -> Result<String, String> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let report = reports.get(&by.number);
        let report = report.filter(|report| report.owner == caller.subject());
        let report = report.ok_or("there is no such report")?;
        let text = report.text.clone();
        let text = text.ok_or("the report is not ready; try again in 10 seconds")?;
        // Otherwise, the memory of a server that runs for months fills up.
        reports.remove(&by.number);
        Ok(text)
    }
}

#[tokio::test]
async fn cookbook_background_work_outlives_the_call_that_started_it() {
    let served = Served::start(Server::default()).await;
    let text = served.text("start_report", &json!({})).await;
    assert_eq!(text, "Report 1 is being made.");
    loop {
        let text = served.text("get_report", &json!({ "number": 1 })).await;
        if text == "Sales are up." {
            break;
        }
        assert!(text.contains("not ready"), "{text}");
        tokio::task::yield_now().await;
    }
    let text = served.text("get_report", &json!({ "number": 1 })).await;
    assert_eq!(text, "there is no such report");
}

#[tokio::test]
async fn cookbook_background_reports_are_limited_for_each_user() {
    let full = Server::default();
    let report = || Report {
        owner: "another user".into(),
        text: None,
    };
    let others = (1000..2000).map(|number| (number, report()));
    full.reports.lock().unwrap().extend(others);
    let served = Served::start(full).await;
    let text = served.text("get_report", &json!({ "number": 1000 })).await;
    assert_eq!(text, "there is no such report");
    for number in 1..=MAX_REPORTS_PER_USER {
        let text = served.text("start_report", &json!({})).await;
        assert_eq!(text, format!("Report {number} is being made."));
    }
    let text = served.text("start_report", &json!({})).await;
    assert!(text.contains("too many reports"), "{text}");
}
