//! `--watch`: repeats the probe, and reports changes.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use mcpo_common::{
    error::{Exit, Failure, Outcome},
    ui::Ui,
};
use mcpo_probe::{Document, Plan, Quiet, Report, Terminal};
use tokio::process::Command;
use url::Url;

/// The settings of `--watch`.
#[derive(Debug)]
pub struct Watch {
    /// The time between the end of a probe and the start of the next one.
    pub pause: Duration,
    /// The number of probes; endless if not set.
    pub rounds: Option<u32>,
    /// The shell command to run on each change.
    pub alert: Option<String>,
}

/// What the report of the first probe contains in addition.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// All requests and responses.
    pub traced: bool,
    /// The checks that passed.
    pub verbose: bool,
}

/// The verdict of each check; the worst one if there are several.
type State = BTreeMap<&'static str, &'static str>;

/// Prints the whole report of the first probe, and the changes of later ones. A probe uses the
/// tokens of the previous one, as a connected client does.
pub async fn watch(
    mut plan: Plan,
    watch: &Watch,
    document: Option<Document>,
    shown: Shown,
    ui: &Ui,
) -> Outcome {
    let mut before: Option<State> = None;
    let mut round = 0;
    loop {
        round += 1;
        let (state, exit, headline, credentials, written) = {
            let report = if before.is_none() {
                let mut terminal = Terminal::new(ui, &plan, document.is_some())
                    .traced(shown.traced)
                    .verbose(shown.verbose);
                let report = Box::pin(mcpo_probe::run(&plan, &mut terminal)).await;
                terminal.finish(&report);
                report
            } else {
                Box::pin(mcpo_probe::run(&plan, &mut Quiet)).await
            };
            let written = document.map(|document| document.write(&report));
            (
                state(&report),
                report.exit(),
                report.headline(),
                report.credentials,
                written,
            )
        };
        let changes = before
            .as_ref()
            .map_or_else(Vec::new, |before| changes(before, &state));
        if let Some(written) = written {
            ui.result(written);
        }
        if !changes.is_empty() {
            ui.alert(format_args!(
                "changed in probe {round}: {}",
                changes.join(", ")
            ));
            ui.say(format_args!("  {headline}"));
            if let Some(command) = &watch.alert {
                // The alert of the next change may work again.
                if let Err(failure) = alert(command, &plan, exit, &changes).await {
                    ui.failure(&failure);
                }
            }
        }
        if watch.rounds == Some(round) {
            return Ok(exit);
        }
        before = Some(state);
        plan.kept = credentials.into_iter().collect();
        tokio::time::sleep(watch.pause).await;
    }
}

fn state(report: &Report) -> State {
    let options = ["skipped", "pass", "warn", "could-not-run", "fail"];
    let rank = |verdict: &str| options.iter().position(|other| *other == verdict);
    let mut state = State::new();
    for check in &report.checks {
        let (verdict, _) = check.verdict.parts();
        let worst = state.entry(check.rule.id).or_insert(verdict);
        if rank(verdict) > rank(worst) {
            *worst = verdict;
        }
    }
    state
}

/// Returns what became better or worse. Changes between skipped and passed do not count: the second
/// probe does not sign in.
fn changes(before: &State, now: &State) -> Vec<String> {
    let all = now.iter().filter_map(|(id, verdict)| {
        let old = before.get(id).copied().unwrap_or("skipped");
        let bad = |verdict: &str| matches!(verdict, "fail" | "warn" | "could-not-run");
        let told = old != *verdict && (bad(old) || bad(verdict));
        told.then(|| format!("{id} {old} → {verdict}"))
    });
    all.collect()
}

/// How long an alert may take.
const ALERT_WITHIN: Duration = Duration::from_secs(60);

async fn alert(command: &str, plan: &Plan, exit: Exit, changes: &[String]) -> Outcome<()> {
    // The command gets the whole address: it may call the server.
    let shown = plan.target.shown();
    let address = plan.target.url().map_or(&*shown, Url::as_str);
    let status = Command::new("sh")
        .args(["-c", command])
        .env("MCPO_PROBE_URL", address)
        .env("MCPO_PROBE_EXIT", (exit as u8).to_string())
        .env("MCPO_PROBE_CHANGES", changes.join("\n"))
        .env_remove("MCPO_PROBE_PASSWORD")
        .env_remove("MCPO_PROBE_CLIENT_SECRET")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status();
    let status = tokio::time::timeout(ALERT_WITHIN, status)
        .await
        .map_err(|_| Failure::new("failed to alert: the command did not end in time"))?
        .map_err(|error| Failure::new("failed to run --alert").because(&error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "failed to alert: the command ended with {status}"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::{State, changes};

    #[test]
    fn only_better_or_worse_verdicts_are_reported() {
        let state =
            |pairs: &[(&'static str, &'static str)]| pairs.iter().copied().collect::<State>();
        let before = state(&[
            ("token", "pass"),
            ("refresh", "pass"),
            ("tools-list", "warn"),
        ]);
        let now = state(&[
            ("token", "skipped"),
            ("refresh", "fail"),
            ("tools-list", "pass"),
            ("kept-access", "pass"),
        ]);
        assert_eq!(
            changes(&before, &now),
            ["refresh pass → fail", "tools-list warn → pass"]
        );
        assert!(changes(&now, &now).is_empty());
    }
}
