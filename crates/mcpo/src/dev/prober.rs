//! Walks each server that takes over, as claude.ai does, and says what a change broke.

use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{desk::Desk, reach::Reach};
use crate::{
    error::{Failure, Outcome},
    package::Package,
    ui::Ui,
    walk::{ClientName, Credentials, Plan, Quiet, Report, Secret, Verdict, walk},
};

/// The check of a tool's call.
const CALL: &str = "tools-call";

/// The actor behind `--probe` and the key for it.
pub struct Prober<'a> {
    /// Where the project's environment file lies.
    folder: PathBuf,
    /// The address on this machine.
    here: Url,
    /// Whether the public address leads here as long as we run.
    is_tunnelled: bool,
    /// What has to be trusted for the address on this machine.
    root: Option<CertificateDer<'static>>,
    /// Counts the servers that took over.
    ready: watch::Receiver<u64>,
    /// Whether each of them is to be walked.
    each: bool,
    desk: &'a Desk,
    ui: &'a Ui,
}

impl<'a> Prober<'a> {
    pub fn new(
        package: &Package,
        reach: &Reach,
        ready: watch::Receiver<u64>,
        each: bool,
        desk: &'a Desk,
        ui: &'a Ui,
    ) -> Outcome<Self> {
        let here = Url::parse(&reach.local).map_err(|error| {
            Failure::new("failed to tell where the server listens").because(&error)
        })?;
        Ok(Self {
            folder: package.folder.clone(),
            here,
            is_tunnelled: reach.tunnel.is_some(),
            root: reach.certificate.as_ref().map(|(der, _)| der.clone()),
            ready,
            each,
            desk,
            ui,
        })
    }

    /// Walks after each reload if that is wanted, and whenever somebody asks, until stopped. What one walk leaves is used by the next: a reload
    /// must not forget it.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        let mut kept: Vec<Credentials> = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = self.ready.changed() => match changed {
                    Err(_) => return Ok(()),
                    Ok(()) if !self.each => continue,
                    Ok(()) => {}
                },
                () = self.desk.walk.notified() => {}
            }
            let mut plan = match self.plan() {
                Ok(plan) => plan,
                // A file that is half saved is whole in a moment.
                Err(failure) => {
                    self.ui.failure(&failure);
                    continue;
                }
            };
            plan.kept = std::mem::take(&mut kept);
            plan.tool = self.desk.tried.take();
            let mut quiet = Quiet;
            let report = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                report = Box::pin(walk(&plan, &mut quiet)) => report,
            };
            match &plan.tool {
                Some(tool) => self.tell_tried(tool, &report),
                None => self.tell(&report),
            }
            kept.extend(report.credentials);
        }
    }

    /// Read anew each time, as the server does.
    fn plan(&self) -> Outcome<Plan> {
        let environment = self.desk.environment(&self.folder)?;
        let base = environment.get("BASE_URL");
        let public = base.and_then(|base| {
            let base = base.trim_end_matches('/');
            Url::parse(&format!("{base}/mcp")).ok()
        });
        // A public address may have become somebody else's, as tunnels' do; the password goes to
        // this machine only, or through a tunnel of our own.
        let is_here = self.is_tunnelled
            || public
                .as_ref()
                .is_none_or(|public| public.origin() == self.here.origin());
        let target = public.unwrap_or_else(|| self.here.clone());
        let mut plan = Plan::new(target, ClientName::default())?;
        plan.connection.roots.extend(self.root.clone());
        if let Some(password) = environment.get("ADMIN_PASSWORD").filter(|_| is_here) {
            plan.sign_in_with(None, Secret::new(password));
        }
        Ok(plan)
    }

    /// What the tool answered; what kept it from being called otherwise.
    fn tell_tried(&self, tool: &str, report: &Report<'_>) {
        let mut checks = report.checks.iter();
        let called = checks.find(|check| check.rule.id == CALL && check.verdict == Verdict::Pass);
        match called {
            Some(check) => self.ui.step("Tried", &check.fault.seen),
            None => {
                self.ui.warn(format_args!("{tool} was not called"));
                self.tell(report);
            }
        }
    }

    fn tell(&self, report: &Report<'_>) {
        self.desk.event(self.ui, || {
            let checks = report.checks.iter();
            let failed = checks.filter(|check| check.verdict == Verdict::Fail);
            let failed: Vec<_> = failed.map(|check| check.rule.id).collect();
            json!({ "event": "walked", "outcome": report.outcome(), "failed": failed })
        });
        let wrong = |verdict: &Verdict| {
            let good = matches!(verdict, Verdict::Pass | Verdict::Skipped { .. });
            !good
        };
        let checks = report.checks.iter();
        let mut wrong = checks.filter(|check| wrong(&check.verdict)).peekable();
        if wrong.peek().is_none() {
            self.ui.step("Walked", report.headline());
            return;
        }
        self.ui.warn(report.outcome());
        for check in wrong {
            let (_, because) = check.verdict.parts();
            let seen = because.unwrap_or(&check.fault.seen);
            self.ui
                .say(format_args!("           {}: {seen}", check.rule.title));
            if !check.fault.hint.is_empty() {
                self.ui
                    .say(format_args!("           fix: {}", check.fault.hint));
            }
        }
    }
}
