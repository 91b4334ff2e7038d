//! Errors of Google as quoted in public reports. Each is reported with Google's reason and message
//! and with the next step. mcpo names a permission only if Google named it.
//!
//! `source` is the report that quotes the error. `quoted` is true if the message, the reason and
//! the details are those of the report. Names of projects and accounts, numbers and tokens are
//! replaced by examples. Names of services are kept, so some errors come from other APIs. If the
//! report shows only one of the HTTP status and Google's name for it, the other follows from
//! `google.rpc.Code`. Other members that the report does not show are omitted.

use mcpo_test_support::google::{Fault, Google, InitialState};
use serde_json::Value;

use crate::project::Project;

const RECORDED: &str = include_str!("../support/fixtures/refusals.json");

#[test]
fn every_recorded_refusal_is_reported_with_its_cause_and_next_step() {
    let project = Project::new();
    let recorded: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    let is_quoted = |refusal: &&Value| {
        let source = refusal["source"].as_str().unwrap_or_default();
        refusal["quoted"] == true && source.starts_with("https://")
    };
    assert!(recorded.iter().filter(is_quoted).count() >= 20);
    for refusal in recorded {
        let text = |name: &str| refusal[name].as_str().unwrap_or_default();
        let method = text("method");
        let google = Google::start_with(InitialState {
            is_enabled: !method.contains("batchEnable"),
            ..InitialState::default()
        });
        let status = u16::try_from(refusal["status"].as_u64().unwrap()).unwrap();
        let fault = Fault::Recorded(status, refusal["body"].to_string());
        google.fail(method, fault, u32::MAX);
        let result = project.run(&google, &["--no-verify"]);
        let name = text("name");
        assert_eq!(result.code, Some(2), "{name}: {result}");
        for expected in [text("cause"), text("next")] {
            assert!(
                result.stderr.contains(expected),
                "{name}: no {expected:?} in {result}"
            );
        }
        let is_claimed = result.stderr.contains("missing permission ");
        assert_eq!(
            is_claimed,
            refusal["permission"].is_string(),
            "{name}: {result}"
        );
        assert!(!result.stderr.contains("someone else"), "{name}: {result}");
        assert!(
            !result.stderr.contains("does not start"),
            "{name}: {result}"
        );
    }
}
