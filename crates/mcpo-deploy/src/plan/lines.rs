//! The lines of a plan: one for each change, with the API methods that make it.

use super::{LabelChange, Plan};
use crate::{google::method, names::SQL_ROLE};

/// One line of the plan.
#[derive(Clone, Debug)]
pub struct Line {
    pub sign: char,
    pub text: String,
    pub methods: Vec<&'static str>,
}

impl Plan {
    /// Returns one line for each change: a sign, the change, and the API methods that make it.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut add = |sign, text: String, methods: &[&'static str]| {
            lines.push(line(sign, text, methods));
        };
        if !self.apis.is_empty() {
            let names: Vec<_> = self
                .apis
                .iter()
                .map(|api| api.trim_end_matches(".googleapis.com"))
                .collect();
            add(
                '+',
                format!("APIs: {}", names.join(", ")),
                &[method::APIS_ENABLE.id],
            );
        }
        if self.makes_repository {
            add(
                '+',
                "image repository".into(),
                &[method::REPOSITORY_CREATE.id],
            );
        }
        if self.makes_account {
            add(
                '+',
                "service account with only the permissions listed below".into(),
                &[method::ACCOUNT_CREATE.id],
            );
        }
        lines.extend(self.secret_lines());
        let mut add = |sign, text: String, methods: &[&'static str]| {
            lines.push(line(sign, text, methods));
        };
        if self.makes_bucket {
            add(
                '+',
                "bucket for the ledger".into(),
                &[method::BUCKET_CREATE.id],
            );
        }
        if self.makes_instance {
            let text = "Memorystore instance for the ledger: basic tier, 1 GiB; this takes several minutes, \
                        and costs money until it is deleted";
            add('+', text.into(), &[method::INSTANCE_CREATE.id]);
        }
        if self.old_bucket.is_some() {
            add(
                '~',
                "the ledger's bucket deletes records one day after they expire".into(),
                &[method::BUCKET_PATCH.id],
            );
        }
        if self.grants_bucket {
            add(
                '+',
                "the service may use the ledger's bucket".into(),
                &[method::BUCKET_GRANT.id],
            );
        }
        for project in &self.sql_grants {
            let text = format!("the service may connect to Cloud SQL in {project} ({SQL_ROLE})");
            add('+', text, &[method::PROJECT_GRANT.id]);
        }
        if self.builds_remotely {
            let methods = &[
                method::BUCKET_CREATE.id,
                method::OBJECT_INSERT.id,
                method::BUILD_SUBMIT.id,
            ];
            add(
                '+',
                "source, uploaded to a bucket and built by Cloud Build".into(),
                methods,
            );
        }
        if self.pushes {
            add('+', "image".into(), &["registry.push"]);
        }
        for (text, methods) in &self.attachments {
            add('+', text.clone(), methods);
        }
        let write = if self.creates_service {
            method::SERVICE_CREATE.id
        } else {
            method::SERVICE_PATCH.id
        };
        let changes = self.service.iter().chain(&self.traffic).chain(&self.check);
        for text in changes {
            let sign = if self.creates_service { '+' } else { '~' };
            add(sign, text.clone(), &[write]);
        }
        lines.extend(self.domain.clone());
        lines
    }

    fn secret_lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for secret in &self.secrets {
            let (sign, what) = if secret.is_new {
                ('+', "secret")
            } else {
                ('~', "secret, new version of")
            };
            let methods: &[_] = if secret.is_new && secret.is_to_be_shown() {
                // A label records that the value was shown.
                &[
                    method::SECRET_CREATE.id,
                    method::SECRET_ADD.id,
                    method::SECRET_LABEL.id,
                ]
            } else if secret.is_new {
                &[method::SECRET_CREATE.id, method::SECRET_ADD.id]
            } else {
                &[method::SECRET_ADD.id]
            };
            lines.push(line(sign, format!("{what} {}", secret.id), methods));
        }
        if let Some(LabelChange { id, .. }) = &self.to_show {
            let text = format!("secret {id}: the password is shown for the first time");
            lines.push(line('~', text, &[method::SECRET_LABEL.id]));
        }
        for LabelChange { id, .. } in &self.labels {
            let text = format!("secret {id}: labels that name its service");
            lines.push(line('~', text, &[method::SECRET_LABEL.id]));
        }
        for id in &self.grants {
            lines.push(line(
                '+',
                format!("the service may read secret {id}"),
                &[method::SECRET_GRANT.id],
            ));
        }
        lines
    }
}

fn line(sign: char, text: String, methods: &[&'static str]) -> Line {
    Line {
        sign,
        text,
        methods: methods.to_vec(),
    }
}
