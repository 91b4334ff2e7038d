//! Reports what an owner wants to know in addition to the changes of a plan: what the service costs,
//! and what was changed elsewhere.

use mcpo_common::ui::Ui;
use serde_json::{Value, json};

use crate::{
    cost::{Estimate, Workload},
    drift::{self, Drift},
    google::api::run::Service,
    names::Names,
    settings::Settings,
};

/// The cost of the planned settings, and the changes made elsewhere.
#[derive(Debug)]
pub struct OwnerReport {
    /// `None` if mcpo does not know the units of a container that it did not create.
    cost: Option<Estimate>,
    drift: Option<Drift>,
}

impl OwnerReport {
    /// `image_bytes` is the size of the image, if it is known.
    pub fn of(
        settings: &Settings,
        names: &Names,
        current: Option<&Service>,
        image_bytes: Option<u64>,
    ) -> Self {
        let workload = Workload::planned(settings, names, current, image_bytes);
        Self {
            cost: workload.as_ref().map(Estimate::of),
            drift: current.and_then(drift::find),
        }
    }

    /// Prints the changes made elsewhere. A deployment sets them to the planned values.
    pub fn print_drift(&self, ui: &Ui) {
        if let Some(drift) = &self.drift {
            let (headline, changes) = drift.lines();
            ui.step("Drift", headline);
            for change in changes {
                ui.say(format_args!("         ! {change}"));
            }
        }
    }

    /// Prints the cost.
    pub fn print_cost(&self, ui: &Ui) {
        match &self.cost {
            Some(cost) => ui.step("Cost", cost.line()),
            None => ui.step("Cost", "unknown: a container has limits in unknown units"),
        }
    }

    /// Adds the members `cost` and `drift` to a JSON report.
    pub fn add_to(&self, document: &mut Value) {
        document["cost"] = json!(self.cost.as_ref().map(Estimate::as_json));
        document["drift"] = json!(self.drift.as_ref().map(Drift::as_json));
    }
}
