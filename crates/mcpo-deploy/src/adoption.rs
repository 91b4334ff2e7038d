//! Takes over a service that mcpo did not create: explains what this means, and asks first.

use mcpo_common::{
    error::{Failure, Outcome},
    text::count,
};
use serde_json::{Map, Value, json};

use crate::{
    args::DeployArgs,
    confirm::{can_ask, confirm},
    context::Context,
    google::api::run::Service,
    labels::are_ours,
    plan::{Observed, Plan},
    traffic::serving,
};

/// What the owner of a service should know before mcpo takes it over.
#[derive(Debug)]
pub struct Adoption {
    service: String,
    /// The tool that wrote the service last; empty if it did not say.
    client: String,
    /// Settings that mcpo does not write, and which therefore stay.
    stays: Vec<String>,
    /// The variables that no setting names.
    removed_variables: Vec<String>,
    /// The revisions that serve now, and their shares in percent.
    serving: Vec<(String, i64)>,
    /// The command that sends the requests to the current revision again.
    back: Option<String>,
}

impl Adoption {
    /// Fails if mcpo did not create the existing service, unless `--adopt` is given.
    pub fn check(args: &DeployArgs, context: &Context<'_>, seen: &Observed) -> Outcome<()> {
        let is_foreign = |service: &Service| !are_ours(&service.labels);
        if args.adopt || !seen.service.as_ref().is_some_and(is_foreign) {
            return Ok(());
        }
        let names = &context.names;
        Err(Failure::new(format!(
            "service {} in {} already exists and was not created by mcpo",
            names.service_id, names.region
        ))
        .hint(
            "choose another name with --service, or take over the existing service with --adopt; \
             --adopt --dry-run shows what changes and what stays",
        ))
    }

    /// Returns `None` if there is no service, or if it is mcpo's already.
    pub fn of(context: &Context<'_>, seen: &Observed, plan: &Plan) -> Option<Self> {
        let service = seen.service.as_ref()?;
        if are_ours(&service.labels) {
            return None;
        }
        let removed = plan.service.iter().filter_map(|line| {
            let line = line.strip_prefix("variable ")?;
            line.strip_suffix(": removed").map(str::to_owned)
        });
        let serving = serving(service);
        let back = serving.iter().max_by_key(|(_, share)| *share);
        let back = back.map(|(name, _)| {
            let words = format!("--rollback {name} --no-verify");
            context.invocation.with(&words)
        });
        Some(Self {
            service: context.names.service_id.clone(),
            client: service.client.clone(),
            stays: stays(service),
            removed_variables: removed.collect(),
            serving,
            back,
        })
    }

    /// Prints what is taken over, what changes, what stays, and how to go back.
    pub fn print(&self, context: &Context<'_>) {
        let ui = context.ui;
        let service = &self.service;
        let by = match &*self.client {
            "" => String::new(),
            client => format!("; {client} wrote it last"),
        };
        ui.step(
            "Adopt",
            format_args!("{service}, which mcpo did not create{by}"),
        );
        ui.say(format_args!(
            "         taken over: the name {service}, its URLs and its tags. mcpo labels the service as its \
             own, so --delete will delete it"
        ));
        let removed = match &*self.removed_variables {
            [] => String::new(),
            names => format!(
                ". This removes {} that no setting names: {}",
                count(names.len(), "variable"),
                names.join(", ")
            ),
        };
        ui.say(format_args!(
            "         changes: the settings in the plan above{removed}"
        ));
        ui.say(format_args!("         stays: {}", self.stays.join(", ")));
        if let Some(back) = &self.back {
            ui.say(format_args!(
                "         to go back: {back}. Then deploy with the earlier tool again, which restores its \
                 settings, and remove the label managed-by"
            ));
        }
    }

    /// Adds the member `adoption` to a JSON report.
    pub fn as_json(&self) -> Value {
        let serving: Vec<_> = self
            .serving
            .iter()
            .map(|(name, share)| json!({ "revision": name, "percent": share }))
            .collect();
        json!({
            "client": self.client,
            "stays": self.stays,
            "removed_variables": self.removed_variables,
            "serving": serving,
            "back": self.back,
        })
    }

    /// Asks on a terminal, unless `--yes` is given. Without a terminal, `--adopt` is the consent.
    pub async fn is_confirmed(&self, args: &DeployArgs, context: &Context<'_>) -> Outcome<bool> {
        if args.yes || !can_ask(context) {
            return Ok(true);
        }
        confirm(context, "Type the service's name to take it over").await
    }
}

/// Returns the settings of the service that mcpo does not write.
fn stays(service: &Service) -> Vec<String> {
    let mut stays = vec![
        "its revisions".to_owned(),
        "its IAM policy".to_owned(),
        "its logs".to_owned(),
    ];
    let is_empty = |scaling: &Value| scaling.as_object().is_none_or(Map::is_empty);
    if let Some(scaling) = service.scaling.as_ref().filter(|it| !is_empty(it)) {
        stays.push(format!(
            "the service-level scaling {scaling}, in addition to min-instances and max-instances"
        ));
    }
    let labels: Vec<_> = service.labels.keys().map(String::as_str).collect();
    if !labels.is_empty() {
        stays.push(format!("labels {}", labels.join(", ")));
    }
    let template = service.template.clone().unwrap_or_default();
    stays.extend(template.other.keys().cloned());
    let mut containers = template.containers.iter();
    if let Some(first) = containers.next() {
        let other = first.other.keys();
        stays.extend(other.map(|name| format!("{name} of the container")));
    }
    match containers.count() {
        0 => {}
        more => stays.push(count(more, "additional container")),
    }
    stays
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::stays;

    #[test]
    fn everything_that_mcpo_does_not_write_stays() {
        let service = json!({
            "labels": { "team": "a" },
            "scaling": { "maxInstanceCount": 3 },
            "template": {
                "timeout": "5s", "vpcAccess": { "connector": "c" },
                "containers": [
                    { "image": "i", "command": ["/bin/x"], "env": [] }, { "image": "sidecar" },
                ],
            },
        });
        let found = stays(&serde_json::from_value(service).unwrap());
        let expected = [
            "the service-level scaling {\"maxInstanceCount\":3}, in addition to min-instances and \
             max-instances",
            "labels team",
            "vpcAccess",
            "command of the container",
            "1 additional container",
        ];
        assert_eq!(found[3..], expected);
    }
}
