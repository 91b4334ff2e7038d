//! The settings for the network, Cloud SQL and the encryption key, as fields of the service.

use serde_json::{Value, json};

use super::{
    Ledger,
    check::Problem,
    limits,
    table::{Egress, Replication, Table},
};

/// The name of the volume with the sockets of Cloud SQL, and where Cloud Run mounts it.
const SQL_VOLUME: &str = "cloudsql";
const SQL_PATH: &str = "/cloudsql";
const TAG_LEN: usize = 63;

/// The settings in Cargo.toml.
#[derive(Debug, Default)]
pub struct NetworkSettings {
    pub network: Option<String>,
    pub subnetwork: Option<String>,
    pub tags: Vec<String>,
    pub egress: Option<Egress>,
    /// Connection names: `PROJECT:REGION:INSTANCE`.
    pub cloud_sql: Vec<String>,
    pub encryption_key: Option<String>,
}

impl NetworkSettings {
    pub fn of(table: &Table) -> Self {
        Self {
            network: table.network.clone(),
            subnetwork: table.subnetwork.clone(),
            tags: table.network_tags.clone(),
            egress: table.egress,
            cloud_sql: table.cloud_sql.clone(),
            encryption_key: table.encryption_key.clone(),
        }
    }

    /// Returns where secrets are stored. With a key, they are stored in its region.
    pub fn replication(
        &self,
        setting: Option<Replication>,
        problems: &mut Vec<Problem>,
    ) -> Replication {
        let has_key = self.encryption_key.is_some();
        if has_key && setting == Some(Replication::Automatic) {
            let what = "encryption-key is set, and secret-replication is \"automatic\"";
            let hint = "use secret-replication = \"region\", or remove it";
            problems.push(Problem::new(what, Some(hint)));
        }
        match setting {
            None if has_key => Replication::Region,
            setting => setting.unwrap_or_default(),
        }
    }

    /// Returns the fields of the service.
    pub fn fields(&self) -> Value {
        let mut fields = json!({});
        let mut interface = json!({});
        for (name, value) in [("network", &self.network), ("subnetwork", &self.subnetwork)] {
            if let Some(value) = value {
                interface[name] = value.as_str().into();
            }
        }
        if !self.tags.is_empty() {
            interface["tags"] = json!(self.tags);
        }
        if interface != json!({}) {
            fields["template"]["vpcAccess"]["networkInterfaces"] = json!([interface]);
        }
        if let Some(egress) = self.egress {
            fields["template"]["vpcAccess"]["egress"] = match egress {
                Egress::PrivateRangesOnly => "PRIVATE_RANGES_ONLY",
                Egress::AllTraffic => "ALL_TRAFFIC",
            }
            .into();
        }
        if !self.cloud_sql.is_empty() {
            let template = &mut fields["template"];
            template["volumes"] = json!([{
                "name": SQL_VOLUME, "cloudSqlInstance": { "instances": self.cloud_sql },
            }]);
            let mount = json!({ "name": SQL_VOLUME, "mountPath": SQL_PATH });
            template["containers"] = json!([{ "volumeMounts": [mount] }]);
        }
        if let Some(key) = &self.encryption_key {
            fields["template"]["encryptionKey"] = key.as_str().into();
        }
        fields
    }

    /// Adds a problem if the service cannot reach a Memorystore instance.
    fn check_memorystore(
        &self,
        ledger: &Ledger,
        passed: Option<&Value>,
        problems: &mut Vec<Problem>,
    ) {
        if *ledger == Ledger::Memorystore(None) && self.network.is_none() {
            let hint = "set network = \"default\", or another network of the project";
            let what = "mcpo needs the network in which it creates the Memorystore instance";
            problems.push(Problem::new(what, Some(hint)));
            return;
        }
        if self.network.is_none() && self.subnetwork.is_none() && !has_connector(passed) {
            let hint = "set network = \"default\", or the network of the instance";
            let what = "a ledger in Memorystore needs a network";
            problems.push(Problem::new(what, Some(hint)));
        }
    }

    /// Adds a problem for each invalid setting. `passed` is the table `cloud-run`.
    pub fn check(
        &self,
        region: &str,
        ledger: &Ledger,
        passed: Option<&Value>,
        problems: &mut Vec<Problem>,
    ) {
        if matches!(ledger, Ledger::Memorystore(_)) {
            self.check_memorystore(ledger, passed, problems);
        }
        let mut problem = |what: String, hint: String| {
            problems.push(Problem::new(what, Some(&hint)));
        };
        let is_direct = self.network.is_some() || self.subnetwork.is_some();
        let has_connector = has_connector(passed);
        let needed = "set network or subnetwork".to_owned();
        if self.egress.is_some() && !is_direct && !has_connector {
            problem("egress is set without a network".to_owned(), needed.clone());
        }
        if !self.tags.is_empty() && !is_direct {
            problem("network-tags is set without a network".to_owned(), needed);
        }
        if is_direct && has_connector {
            let what = "network and cloud-run.template.vpc-access.connector are both set";
            problem(what.to_owned(), "remove one of the two".to_owned());
        }
        for (name, value) in [("network", &self.network), ("subnetwork", &self.subnetwork)] {
            if let Some(value) = value.as_ref().filter(|value| !is_resource(value)) {
                let accepted = limits::accepted("network, subnetwork");
                problem(
                    format!("invalid {name} {value:?}"),
                    format!("use {accepted}"),
                );
            }
        }
        for tag in self.tags.iter().filter(|tag| !is_name(tag)) {
            let accepted = limits::accepted("network-tags");
            problem(
                format!("invalid network tag {tag:?}"),
                format!("use {accepted}"),
            );
        }
        for instance in self
            .cloud_sql
            .iter()
            .filter(|one| sql_project(one).is_none())
        {
            let what = format!("invalid Cloud SQL instance {instance:?}");
            problem(what, format!("use {}", limits::accepted("cloud-sql")));
        }
        if let Some(key) = &self.encryption_key {
            let accepted = limits::accepted("encryption-key");
            match key_location(key) {
                None => problem(
                    format!("invalid encryption key {key:?}"),
                    format!("use {accepted}"),
                ),
                Some(location) if !region.is_empty() && location != region => {
                    let what =
                        format!("the encryption key is in {location}, the service in {region}");
                    problem(what, format!("use {accepted}"));
                }
                Some(_) => {}
            }
        }
    }
}

/// Returns true if the table `cloud-run` connects the service with a VPC Access connector.
fn has_connector(passed: Option<&Value>) -> bool {
    let access = passed.map(|passed| &passed["template"]);
    let access = access.and_then(|it| it.get("vpc-access").or_else(|| it.get("vpcAccess")));
    access.is_some_and(|access| !access["connector"].is_null())
}

/// Returns the project of a Cloud SQL instance, `PROJECT:REGION:INSTANCE`. A project of the form
/// `example.com:name` contains a colon. `None` if the name is invalid.
pub fn sql_project(connection: &str) -> Option<&str> {
    let mut parts = connection.rsplitn(3, ':');
    let (instance, region, project) = (parts.next()?, parts.next()?, parts.next()?);
    let is_project = project.split(':').all(|part| !part.is_empty());
    (is_name(instance) && is_name(region) && is_project).then_some(project)
}

/// Returns the location of a key, `projects/P/locations/L/keyRings/R/cryptoKeys/K`. `None` if the
/// name is invalid.
fn key_location(key: &str) -> Option<&str> {
    let parts: Vec<_> = key.split('/').collect();
    match &*parts {
        [
            "projects",
            project,
            "locations",
            location,
            "keyRings",
            ring,
            "cryptoKeys",
            key,
        ] => {
            let mut names = [project, location, ring, key].into_iter();
            names.all(|name| !name.is_empty()).then_some(*location)
        }
        _ => None,
    }
}

/// Returns true for a short name, or a full one that ends with it.
fn is_resource(name: &str) -> bool {
    let short = name.rsplit('/').next().unwrap_or_default();
    is_name(short) && (short == name || name.starts_with("projects/"))
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= TAG_LEN
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(plain)
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Egress, Ledger, NetworkSettings, Problem};

    fn problems(network: &NetworkSettings) -> Vec<String> {
        let mut problems = Vec::new();
        network.check("europe-west1", &Ledger::Bucket, None, &mut problems);
        problems.iter().map(Problem::line).collect()
    }

    #[test]
    fn settings_become_fields_of_the_service() {
        let network = NetworkSettings {
            network: Some("default".to_owned()),
            subnetwork: Some("projects/p/regions/europe-west1/subnetworks/apps".to_owned()),
            tags: vec!["db-client".to_owned()],
            egress: Some(Egress::AllTraffic),
            cloud_sql: vec!["example.com:p:europe-west1:db".to_owned()],
            encryption_key: Some(
                "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k".to_owned(),
            ),
        };
        assert_eq!(problems(&network), Vec::<String>::new());
        assert_eq!(
            network.fields(),
            json!({ "template": {
                "vpcAccess": {
                    "networkInterfaces": [{
                        "network": "default", "tags": ["db-client"],
                        "subnetwork": "projects/p/regions/europe-west1/subnetworks/apps",
                    }],
                    "egress": "ALL_TRAFFIC",
                },
                "volumes": [{
                    "name": "cloudsql",
                    "cloudSqlInstance": { "instances": ["example.com:p:europe-west1:db"] },
                }],
                "containers": [{ "volumeMounts": [{ "name": "cloudsql", "mountPath": "/cloudsql" }] }],
                "encryptionKey": "projects/p/locations/europe-west1/keyRings/r/cryptoKeys/k",
            } })
        );
        assert_eq!(NetworkSettings::default().fields(), json!({}));
    }

    #[test]
    fn invalid_settings_are_reported() {
        let network = NetworkSettings {
            tags: vec!["Db".to_owned()],
            egress: Some(Egress::PrivateRangesOnly),
            cloud_sql: vec!["p:db".to_owned()],
            encryption_key: Some("projects/p/locations/eu/keyRings/r/cryptoKeys/k".to_owned()),
            ..NetworkSettings::default()
        };
        let found = problems(&network);
        let expected = [
            "egress is set without a network",
            "network-tags is set without a network",
            "invalid network tag \"Db\"",
            "invalid Cloud SQL instance \"p:db\"",
            "the encryption key is in eu, the service in europe-west1",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
