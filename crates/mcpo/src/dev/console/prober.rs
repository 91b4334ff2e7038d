//! Probes the server as claude.ai does, to report what a change broke.

use mcpo_common::{
    error::{Failure, Outcome},
    secret::Secret,
};
use mcpo_probe::{Client, Credentials, Plan, Quiet};
use rustls::pki_types::CertificateDer;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::dev::{
    environment::ServerEnvironment,
    expose::Entrypoint,
    messages::event::{Event, EventSender},
};

/// The actor behind `--probe` and the keys that probe.
pub struct Prober {
    environment: ServerEnvironment,
    /// The server's address on this machine.
    here: Url,
    /// Whether the public address leads to this machine while mcpo runs.
    is_tunnelled: bool,
    /// The certificate to trust for the address on this machine.
    root: Option<CertificateDer<'static>>,
    /// The tool that each probe must call.
    probes: mpsc::UnboundedReceiver<Option<String>>,
    events: EventSender,
}

impl Prober {
    pub fn new(
        environment: ServerEnvironment,
        entrypoint: &Entrypoint,
        probes: mpsc::UnboundedReceiver<Option<String>>,
        events: EventSender,
    ) -> Outcome<Self> {
        let here = Url::parse(&entrypoint.local).map_err(|error| {
            Failure::new("failed to parse the address of the server").because(&error)
        })?;
        Ok(Self {
            environment,
            here,
            is_tunnelled: entrypoint.tunnel.is_some(),
            root: entrypoint.certificate.as_ref().map(|(der, _)| der.clone()),
            probes,
            events,
        })
    }

    /// Probes when commanded, until stopped. Each probe reuses the credentials of the previous one,
    /// to check that a reload did not forget them.
    pub async fn run(mut self, stop: &CancellationToken) -> Outcome<()> {
        let mut kept: Vec<Credentials> = Vec::new();
        loop {
            let mut tool = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                commanded = self.probes.recv() => match commanded {
                    Some(tool) => tool,
                    None => return Ok(()),
                },
            };
            // One probe is enough for all servers that took over during the last one.
            while let Ok(later) = self.probes.try_recv() {
                tool = later.or(tool);
            }
            let mut plan = match self.plan() {
                Ok(plan) => plan,
                // The environment file may be half written; the next probe reads it again.
                Err(failure) => {
                    self.events.send(Event::ProbeFailed(failure)).await;
                    continue;
                }
            };
            plan.kept = std::mem::take(&mut kept);
            plan.tool.clone_from(&tool);
            let mut quiet = Quiet;
            let mut report = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                report = Box::pin(mcpo_probe::run(&plan, &mut quiet)) => report,
            };
            kept.extend(report.credentials.take());
            let report = Box::new(report);
            self.events.send(Event::Probed { tool, report }).await;
        }
    }

    /// Reads the environment again each time, as the server does.
    fn plan(&self) -> Outcome<Plan> {
        let environment = self.environment.load()?;
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
}
