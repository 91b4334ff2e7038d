use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use mcpo_runtime::Caller;
use rmcp::{handler::server::wrapper::Parameters, schemars, tool, tool_router};
use serde_json::json;

use super::Served;

/// The number of reports that are kept in memory.
const MAX_REPORTS: usize = 1000;

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
        let number = {
            let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            if reports.len() >= MAX_REPORTS {
                return Err("too many reports; try again later".into());
            }
            let number = reports.len() as u64 + 1;
            let owner = caller.subject().to_owned();
            reports.insert(number, Report { owner, text: None });
            number
        };
        tokio::spawn(make_report(number, Arc::clone(&self.reports)));
        Ok(format!("Report {number} is being made."))
    }

    /// Get a report by its number.
    #[tool]
    fn get_report(
        &self,
        caller: Caller,
        Parameters(by): Parameters<ByNumber>,
    ) -> Result<String, String> {
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let report = reports.get(&by.number);
        let report = report.filter(|report| report.owner == caller.subject());
        let report = report.ok_or("there is no such report")?;
        let text = report.text.clone();
        text.ok_or("the report is not ready; try again in 10 seconds".into())
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
    let text = served.text("get_report", &json!({ "number": 2 })).await;
    assert_eq!(text, "there is no such report");
}
