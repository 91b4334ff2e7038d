//! Probes each server that takes over, as claude.ai does, and reports what a change broke.

use std::path::PathBuf;

use mcpo_common::{
    error::{Failure, Outcome},
    package::Package,
    secret::Secret,
    ui::Ui,
};
use mcpo_probe::{Client, Credentials, Plan, Quiet, Report, Verdict};
use rustls::pki_types::CertificateDer;
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::dev::{channels::Channels, expose::Entrypoint};

/// The id of the check that calls a tool.
const CALL: &str = "tools-call";

/// The actor behind `--probe` and the `p` key.
pub struct Prober<'a> {
    /// The folder that contains the project's environment file.
    folder: PathBuf,
    /// The server's address on this machine.
    here: Url,
    /// Whether the public address leads to this machine while mcpo runs.
    is_tunnelled: bool,
    /// The certificate to trust for the address on this machine.
    root: Option<CertificateDer<'static>>,
    /// Counts the servers that took over.
    ready: watch::Receiver<u64>,
    /// Whether each new server is probed.
    each: bool,
    channels: &'a Channels,
    ui: &'a Ui,
}

impl<'a> Prober<'a> {
    pub fn new(
        package: &Package,
        entrypoint: &Entrypoint,
        ready: watch::Receiver<u64>,
        each: bool,
        channels: &'a Channels,
        ui: &'a Ui,
    ) -> Outcome<Self> {
        let here = Url::parse(&entrypoint.local).map_err(|error| {
            Failure::new("failed to parse the address of the server").because(&error)
        })?;
        Ok(Self {
            folder: package.folder.clone(),
            here,
            is_tunnelled: entrypoint.tunnel.is_some(),
            root: entrypoint.certificate.as_ref().map(|(der, _)| der.clone()),
            ready,
            each,
            channels,
            ui,
        })
    }

    /// Probes after each reload, if enabled, and when the user asks, until stopped. Each probe
    /// reuses the credentials of the previous one, to check that a reload did not forget them.
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
                () = self.channels.probe_requested.notified() => {}
            }
            let mut plan = match self.plan() {
                Ok(plan) => plan,
                // The environment file may be half written; the next probe reads it again.
                Err(failure) => {
                    self.ui.failure(&failure);
                    continue;
                }
            };
            plan.kept = std::mem::take(&mut kept);
            plan.tool = self.channels.tool_to_try.take();
            let mut quiet = Quiet;
            let report = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                report = Box::pin(mcpo_probe::run(&plan, &mut quiet)) => report,
            };
            match &plan.tool {
                Some(tool) => self.report_tool_call(tool, &report),
                None => self.tell(&report),
            }
            kept.extend(report.credentials);
        }
    }

    /// Reads the environment again each time, as the server does.
    fn plan(&self) -> Outcome<Plan> {
        let environment = self.channels.environment(&self.folder)?;
        let base = environment.get("BASE_URL");
        let public = base.and_then(|base| {
            let base = base.trim_end_matches('/');
            Url::parse(&format!("{base}/mcp")).ok()
        });
        // A public address may belong to another owner by now, as the addresses of tunnels do. So
        // the password is sent only to this machine, or through a tunnel that mcpo opened.
        let is_here = self.is_tunnelled
            || public
                .as_ref()
                .is_none_or(|public| public.origin() == self.here.origin());
        let target = public.unwrap_or_else(|| self.here.clone());
        let mut plan = Plan::new(target, Client::default())?;
        plan.connection.roots.extend(self.root.clone());
        if let Some(password) = environment.get("ADMIN_PASSWORD").filter(|_| is_here) {
            plan.sign_in_with(None, Secret::new(password));
        }
        Ok(plan)
    }

    /// Reports the result of the tool call, or why the tool was not called.
    fn report_tool_call(&self, tool: &str, report: &Report) {
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

    fn tell(&self, report: &Report) {
        self.channels.event(self.ui, || {
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
            self.ui.step("Probed", report.headline());
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
