//! The service and everything that mcpo creates for it, as a Terraform configuration. It contains the
//! names of secrets, and never their values.
//! <https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/cloud_run_v2_service>

mod template;

use hcl::{Block, Body, Expression, Identifier, expr::TemplateExpr, structure::BlockBuilder};
use mcpo_common::error::{Failure, Outcome};

use super::Description;
use crate::{
    bucket,
    google::api::{Labels, run::AllocationType},
    labels::LABEL,
    names::{ACCOUNT_DESCRIPTION, LEDGER_ROLE, SECRET_ROLE},
    plan::LEDGER_DAYS,
    settings::{Ledger, Replication, SecretSource},
};

/// The name of the resources in the file that exist once.
const MAIN: &str = "service";
const ACCOUNT: &str = "google_service_account";
const BUCKET: &str = "google_storage_bucket";
const REPOSITORY: &str = "google_artifact_registry_repository";
const SECRET: &str = "google_secret_manager_secret";
const SERVICE: &str = "google_cloud_run_v2_service";

/// Returns the text of the file.
pub fn text(described: &Description<'_>) -> Outcome<String> {
    if described.context.settings.encryption_key.is_some() {
        // Without their key, Terraform would replace the repository and the secrets.
        let what = "a Terraform configuration with encryption-key is not supported";
        return Err(Failure::new(what).hint("use --export service.yaml"));
    }
    let mut file = File {
        described,
        blocks: Vec::new(),
        depends_on: Vec::new(),
    };
    file.blocks.push(provider());
    file.repository()?;
    file.account()?;
    file.secrets()?;
    if described.context.settings.ledger == Ledger::Bucket {
        file.bucket()?;
    }
    file.service()?;
    let text = hcl::to_string(&file.blocks.into_iter().collect::<Body>()).map_err(|error| {
        Failure::new("failed to write the Terraform configuration").because(&error)
    })?;
    Ok(format!("{}\n", text.trim_end()))
}

fn provider() -> Block {
    let source = [(Identifier::sanitized("source"), "hashicorp/google")];
    let google: Expression = source.into_iter().collect();
    let providers = Block::builder("required_providers")
        .add_attribute(("google", google))
        .build();
    Block::builder("terraform").add_block(providers).build()
}

struct File<'a> {
    described: &'a Description<'a>,
    blocks: Vec<Block>,
    /// What must exist before the first revision starts.
    depends_on: Vec<Expression>,
}

impl File<'_> {
    /// Adds a resource. A resource that exists is imported by its id.
    fn add(
        &mut self,
        kind: &str,
        name: &str,
        block: BlockBuilder,
        id: Option<String>,
    ) -> Outcome<()> {
        if let Some(id) = id {
            let import = Block::builder("import")
                .add_attribute(("to", reference(&[kind, name])?))
                .add_attribute(("id", literal(&id)));
            self.blocks.push(import.build());
        }
        self.blocks.push(block.build());
        Ok(())
    }

    fn repository(&mut self) -> Outcome<()> {
        let (names, seen) = (&self.described.context.names, self.described.seen);
        let block = resource(REPOSITORY, MAIN)
            .add_attribute(("project", literal(&names.project)))
            .add_attribute(("location", literal(&names.region)))
            .add_attribute(("repository_id", literal(names.repository_id())))
            .add_attribute(("format", "DOCKER"))
            // Other services of the region may use the same repository.
            .add_block(
                Block::builder("lifecycle")
                    .add_attribute(("prevent_destroy", true))
                    .build(),
            );
        let id = seen.has_repository.then(|| names.repository());
        self.add(REPOSITORY, MAIN, block, id)
    }

    fn account(&mut self) -> Outcome<()> {
        let context = self.described.context;
        if context.settings.service_account.is_some() {
            return Ok(());
        }
        let names = &context.names;
        let block = resource(ACCOUNT, MAIN)
            .add_attribute(("project", literal(&names.project)))
            .add_attribute(("account_id", literal(&names.account_id())))
            .add_attribute(("description", ACCOUNT_DESCRIPTION));
        let id = format!(
            "projects/{}/serviceAccounts/{}",
            names.project,
            names.account_email()
        );
        let id = self.described.seen.has_account.then_some(id);
        self.add(ACCOUNT, MAIN, block, id)
    }

    /// Returns the service account of the service as a member of IAM policies.
    fn member(&self) -> Outcome<Expression> {
        match &self.described.context.settings.service_account {
            Some(email) => Ok(literal(&format!("serviceAccount:{email}"))),
            None => reference(&[ACCOUNT, MAIN, "member"]),
        }
    }

    fn secrets(&mut self) -> Outcome<()> {
        let (context, seen) = (self.described.context, self.described.seen);
        let names = &context.names;
        for setting in &context.settings.secrets {
            let id = names.secret_of(setting);
            let name = setting.variable.to_lowercase();
            let secret = if matches!(setting.source, SecretSource::Existing { .. }) {
                literal(&id)
            } else {
                let replication = match context.settings.secret_replication {
                    Replication::Automatic => Block::builder("auto").build(),
                    Replication::Region => {
                        let location = Block::builder("replicas")
                            .add_attribute(("location", literal(&names.region)));
                        let managed = Block::builder("user_managed");
                        managed.add_block(location.build()).build()
                    }
                };
                let replication = Block::builder("replication").add_block(replication);
                let block = resource(SECRET, &name)
                    .add_attribute(("project", literal(&names.project)))
                    .add_attribute(("secret_id", literal(&id)))
                    .add_attribute(("labels", object(&names.labels())))
                    .add_block(replication.build());
                let exists = seen.secrets.contains_key(&id);
                self.add(SECRET, &name, block, exists.then(|| names.secret(&id)))?;
                reference(&[SECRET, &name, "secret_id"])?
            };
            let kind = "google_secret_manager_secret_iam_member";
            let block = resource(kind, &name)
                .add_attribute(("project", literal(&names.project)))
                .add_attribute(("secret_id", secret))
                .add_attribute(("role", SECRET_ROLE))
                .add_attribute(("member", self.member()?));
            self.add(kind, &name, block, None)?;
            self.depends_on.push(reference(&[kind, &name])?);
        }
        Ok(())
    }

    fn bucket(&mut self) -> Outcome<()> {
        let (context, seen) = (self.described.context, self.described.seen);
        let names = &context.names;
        let bucket = names.bucket(bucket::LEDGER);
        let rule = |name: &str, days: u32| {
            let action = Block::builder("action").add_attribute(("type", "Delete"));
            let condition = Block::builder("condition").add_attribute((name, days));
            Block::builder("lifecycle_rule")
                .add_block(action.build())
                .add_block(condition.build())
                .build()
        };
        let soft_delete = Block::builder("soft_delete_policy")
            .add_attribute(("retention_duration_seconds", 0))
            .build();
        let labels = [(LABEL.0.to_owned(), LABEL.1.to_owned())].into();
        let block = resource(BUCKET, bucket::LEDGER)
            .add_attribute(("project", literal(&names.project)))
            .add_attribute(("name", literal(&bucket)))
            .add_attribute(("location", literal(&names.region)))
            .add_attribute(("labels", object(&labels)))
            .add_attribute(("uniform_bucket_level_access", true))
            .add_attribute(("public_access_prevention", "enforced"))
            .add_block(soft_delete)
            .add_block(rule("age", LEDGER_DAYS))
            .add_block(rule("days_since_custom_time", 1));
        let id = seen.bucket.is_some().then_some(bucket);
        self.add(BUCKET, bucket::LEDGER, block, id)?;
        let kind = "google_storage_bucket_iam_member";
        let block = resource(kind, bucket::LEDGER)
            .add_attribute(("bucket", reference(&[BUCKET, bucket::LEDGER, "name"])?))
            .add_attribute(("role", LEDGER_ROLE))
            .add_attribute(("member", self.member()?));
        self.add(kind, bucket::LEDGER, block, None)?;
        self.depends_on.push(reference(&[kind, bucket::LEDGER])?);
        Ok(())
    }

    fn service(&mut self) -> Outcome<()> {
        let context = self.described.context;
        let (names, service) = (&context.names, &self.described.service);
        let mut block = resource(SERVICE, MAIN)
            .add_attribute(("project", literal(&names.project)))
            .add_attribute(("location", literal(&names.region)))
            .add_attribute(("name", literal(&names.service_id)))
            .add_attribute(("labels", object(&service.labels)))
            .add_attribute(("ingress", literal(&service.ingress)))
            .add_attribute((
                "invoker_iam_disabled",
                service.invoker_iam_disabled == Some(true),
            ))
            .add_block(template::template(self.described)?);
        for target in &service.traffic {
            let is_latest = target.kind == AllocationType::Latest || target.revision.is_empty();
            let kind = if is_latest { "LATEST" } else { "REVISION" };
            let kind = format!("TRAFFIC_TARGET_ALLOCATION_TYPE_{kind}");
            let mut traffic = Block::builder("traffic").add_attribute(("type", kind));
            if !is_latest {
                traffic = traffic.add_attribute(("revision", literal(&target.revision)));
            }
            if target.percent > 0 {
                traffic = traffic.add_attribute(("percent", target.percent));
            }
            if !target.tag.is_empty() {
                traffic = traffic.add_attribute(("tag", literal(&target.tag)));
            }
            block = block.add_block(traffic.build());
        }
        let depends_on: Expression = self.depends_on.drain(..).collect();
        let block = block.add_attribute(("depends_on", depends_on));
        let exists = self.described.seen.service.is_some();
        self.add(SERVICE, MAIN, block, exists.then(|| names.service()))
    }
}

fn resource(kind: &str, name: &str) -> BlockBuilder {
    Block::builder("resource").add_label(kind).add_label(name)
}

/// Returns a string. The formatter escapes wrongly if a text has several beginnings of templates, so it
/// is not used for such texts.
fn literal(text: &str) -> Expression {
    if !text.contains("${") && !text.contains("%{") {
        return Expression::from(text);
    }
    let escaped: String = text.chars().map(escaped).collect();
    let escaped = escaped.replace("${", "$${").replace("%{", "%%{");
    TemplateExpr::QuotedString(escaped).into()
}

/// Escapes a character for a quoted string of HCL.
fn escaped(character: char) -> String {
    match character {
        '"' | '\\' => format!("\\{character}"),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        control if control.is_control() => format!("\\u{:04x}", u32::from(control)),
        other => other.to_string(),
    }
}

fn object(labels: &Labels) -> Expression {
    let entries = labels.iter();
    entries
        .map(|(name, text)| (Expression::from(name.as_str()), literal(text)))
        .collect()
}

/// Returns a reference such as `google_service_account.service.email`.
fn reference(parts: &[&str]) -> Outcome<Expression> {
    let text = parts.join(".");
    text.parse().map_err(|error: hcl::Error| {
        Failure::new(format!("failed to write the reference {text}")).because(&error)
    })
}
