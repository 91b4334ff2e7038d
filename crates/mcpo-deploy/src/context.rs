//! The state that all steps of a deployment share.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use mcpo_common::ui::Ui;
use mcpo_probe::LockFile;

use crate::{
    domain::{self, Domain},
    google::Google,
    invocation::Invocation,
    names::Names,
    settings::Settings,
};

/// The client, the settings, the names, and the resources created so far.
pub struct Context<'a> {
    pub google: Google,
    pub settings: Settings,
    pub names: Names,
    /// The custom domain before the deployment; `None` if the settings name none.
    pub domain: Option<Domain>,
    pub ui: &'a Ui,
    pub made: &'a CreatedResources,
    pub invocation: &'a Invocation,
    /// The contract of the project; the file need not exist.
    pub contract_file: LockFile,
    /// Whether all changes of the contract are accepted.
    pub accepts_changes: bool,
}

impl Context<'_> {
    /// Returns the URL of the service, without a path. Until a custom domain answers, this is the URL
    /// that Cloud Run assigns.
    pub fn base_url(&self) -> String {
        match &self.domain {
            Some(domain) if !domain.is_serving() => format!("https://{}", self.names.host()),
            _ => self.names.base_url(&self.settings),
        }
    }

    /// Returns the domains that lead to the service although no setting names them. `disabled` are the
    /// APIs that are not enabled.
    pub async fn unused_domains(&self, disabled: &[&str]) -> Vec<String> {
        match &self.domain {
            Some(domain) => domain.left_over.clone(),
            None => domain::left_over(&self.google, &self.settings, &self.names, disabled).await,
        }
    }
}

/// The resources that this run created or started to create, and the state in which it leaves the
/// service. They are reported if the run fails.
#[derive(Debug, Default)]
pub struct CreatedResources {
    entries: Mutex<Vec<Entry>>,
    /// Whether the service existed before this run.
    extends_service: AtomicBool,
    /// What the user must know if the run is interrupted now.
    unfinished: Mutex<Option<String>>,
}

#[derive(Clone, Debug)]
struct Entry {
    what: String,
    is_certain: bool,
}

/// A resource that is being created. If it is dropped before the request ends (another step failed,
/// or the user pressed Ctrl-C), the resource may or may not exist.
#[must_use = "if it is dropped, the resource is listed as unfinished"]
pub struct Begun<'a> {
    made: &'a CreatedResources,
    what: String,
}

impl CreatedResources {
    /// Adds a resource that exists.
    pub fn add(&self, what: impl Into<String>) {
        self.put(what.into(), true);
    }

    /// Adds a resource that the next request creates.
    pub fn begin(&self, what: impl Into<String>) -> Begun<'_> {
        let what = what.into();
        self.put(what.clone(), false);
        Begun { made: self, what }
    }

    /// Records that the service existed before this run, so that it must not be deleted to undo the
    /// run.
    pub fn note_existing_service(&self) {
        self.extends_service.store(true, Ordering::Relaxed);
    }

    /// Returns true if the service existed before this run.
    pub fn extends_service(&self) -> bool {
        self.extends_service.load(Ordering::Relaxed)
    }

    /// Replaces what the user must know if the run is interrupted now.
    pub fn set_unfinished(&self, what: Option<String>) {
        if let Ok(mut unfinished) = self.unfinished.lock() {
            *unfinished = what;
        }
    }

    /// Returns what the user must know if the run is interrupted now.
    pub fn unfinished(&self) -> Option<String> {
        self.unfinished
            .lock()
            .ok()
            .and_then(|unfinished| unfinished.clone())
    }

    /// Returns one line per resource. Resources whose request did not finish are marked.
    pub fn list(&self) -> Vec<String> {
        let entries = self
            .entries
            .lock()
            .map(|made| made.clone())
            .unwrap_or_default();
        entries
            .into_iter()
            .map(|entry| {
                if entry.is_certain {
                    entry.what
                } else {
                    format!("{} (in flight: it may exist)", entry.what)
                }
            })
            .collect()
    }

    fn put(&self, what: String, is_certain: bool) {
        if let Ok(mut made) = self.entries.lock() {
            made.retain(|entry| entry.what != what);
            made.push(Entry { what, is_certain });
        }
    }

    fn remove(&self, what: &str) {
        if let Ok(mut made) = self.entries.lock() {
            made.retain(|entry| entry.what != what || entry.is_certain);
        }
    }
}

impl Begun<'_> {
    /// Records that this run created the resource.
    pub fn done(self) {
        self.made.add(self.what);
    }

    /// Records that this run did not create the resource.
    pub fn not_made(self) {
        self.made.remove(&self.what);
    }
}
