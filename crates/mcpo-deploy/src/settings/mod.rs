//! The settings of a deployment: flags override `[package.metadata.mcpo]`, which overrides the
//! defaults.
//!
//! All mistakes that can be found without Google are reported together, before the first request.

mod amount;
mod check;
mod cloud_run;
mod domain;
mod environments;
mod generated_secret;
mod ledger;
mod limits;
mod network;
mod regions;
mod supply_chain;
mod table;

use std::collections::BTreeMap;

use mcpo_common::{
    error::Outcome,
    package::Package,
    project::{Environment, SIGN_IN},
    secret::Secret,
};

pub use self::{
    amount::Amount,
    check::{mebibytes, thousandths},
    cloud_run::ServiceFields,
    domain::{MAPPING_REGIONS, MAPPING_REGIONS_AS_OF, MAPPING_REGIONS_SOURCE},
    generated_secret::GeneratedSecret,
    ledger::Ledger,
    network::sql_project,
    regions::{REGIONS, nearest as nearest_region},
    supply_chain::{Policy as BinaryAuthorizationPolicy, SupplyChain},
    table::Replication,
};
use self::{
    network::NetworkSettings,
    table::{Ingress, KeepRevisions, Table},
};
use crate::args::DeployArgs;

/// All settings of the service that do not come from Google.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None`: the project of the credentials.
    pub project: Option<String>,
    pub region: String,
    /// The selected environment, such as `staging`.
    pub environment: Option<String>,
    pub service: String,
    pub repository: String,
    pub cpu: String,
    pub memory: String,
    pub min_instances: u32,
    pub max_instances: u32,
    pub concurrency: u32,
    pub timeout_seconds: u32,
    pub ingress: &'static str,
    pub labels: BTreeMap<String, String>,
    pub env: BTreeMap<String, String>,
    pub secrets: Vec<SecretSetting>,
    pub secret_replication: Replication,
    pub ledger: Ledger,
    /// `None`: an account that deploy creates.
    pub service_account: Option<String>,
    /// `None`: the URL that Cloud Run assigns.
    pub base_url: Option<String>,
    /// The custom domain. If it is set, `base_url` is its URL.
    pub domain: Option<String>,
    /// Further host names that the server keeps accepting.
    pub former_domains: Vec<String>,
    pub is_private: bool,
    pub sign_in: SignIn,
    pub features: Features,
    /// The shares of the requests in percent at which a new revision is checked, increasing, before
    /// it serves all of them.
    pub release_steps: Vec<u8>,
    /// The number of revisions to keep; `None`: all.
    pub keep_revisions: Option<usize>,
    /// The monthly amount of a budget with alerts; `None`: no budget.
    pub budget: Option<Amount>,
    /// Whether Google checks from outside that the service responds.
    pub uptime_check: bool,
    /// Where alerts of the uptime check are sent.
    pub alert_email: Option<String>,
    /// Fields of the service that are passed through to Cloud Run's API.
    pub fields: ServiceFields,
    /// The Cloud SQL instances that the service connects to: `PROJECT:REGION:INSTANCE`.
    pub cloud_sql: Vec<String>,
    /// The VPC network of the service: its name, or its full name.
    pub network: Option<String>,
    /// The Cloud KMS key that encrypts what mcpo creates.
    pub encryption_key: Option<String>,
    pub supply_chain: SupplyChain,
    /// After this many days, a preview is removed.
    pub preview_max_age_days: u32,
}

/// The cargo features that the service is built with.
#[derive(Clone, Debug)]
pub struct Features {
    pub named: Vec<String>,
    pub has_default: bool,
}

impl Features {
    /// Returns the arguments for cargo.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        if !self.has_default {
            arguments.push("--no-default-features".to_owned());
        }
        if !self.named.is_empty() {
            arguments.push(format!("--features={}", self.named.join(",")));
        }
        arguments
    }
}

/// A variable whose value is stored in Secret Manager.
#[derive(Clone, Debug)]
pub struct SecretSetting {
    pub variable: String,
    pub source: SecretSource,
}

/// The source of the value.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// The shell or `.env`. `None`: the value that Secret Manager already has.
    Local(Option<Secret>),
    /// An existing secret that mcpo does not manage, in its latest or in this version.
    Existing {
        secret: String,
        version: Option<String>,
    },
    /// Generated once, then kept.
    Generated(GeneratedSecret),
    /// The address of the ledger's Memorystore instance, with its password.
    Instance,
}

/// How users sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// As configured in the settings.
    Configured,
    /// With a generated password.
    GeneratedPassword,
    /// No sign-in, explicitly requested.
    OpenToAnyone,
}

/// The feature of the project that enables the runtime's Redis support.
const REDIS_FEATURE: &str = "redis";
/// The share of the requests, in percent, at which a new revision is checked by default.
const DEFAULT_STEP: u8 = 10;
/// The number of revisions that are kept by default.
const DEFAULT_REVISIONS: usize = 10;
pub const LEDGER: &str = "MCPO_LEDGER";
/// The default number of days after which a preview is removed.
const DEFAULT_PREVIEW_AGE: u32 = 14;
pub const KEY_RING: &str = "MCPO_SECRET";
pub const PASSWORD: &str = "ADMIN_PASSWORD";
pub const PASSWORD_HASH: &str = "ADMIN_PASSWORD_HASH";

impl Settings {
    /// Merges and validates the settings. The failure lists every invalid setting.
    pub fn read(args: &DeployArgs, package: &Package, environment: &Environment) -> Outcome<Self> {
        let table = table(args, package)?;
        let mut problems = Vec::new();
        let settings = assemble(args, package, environment, table, &mut problems);
        check::check(&settings, args.tag.as_deref(), &mut problems);
        check::report(&problems)?;
        Ok(settings)
    }

    /// Reads the settings for building an image. Those of Cloud Run, such as the region, may be missing
    /// or invalid.
    pub fn read_for_build(
        args: &DeployArgs,
        package: &Package,
        environment: &Environment,
    ) -> Outcome<Self> {
        let table = table(args, package)?;
        let mut problems = Vec::new();
        let settings = assemble(args, package, environment, table, &mut problems);
        check::check_features(&settings, &mut problems);
        check::report(&problems)?;
        Ok(settings)
    }

    /// Returns true if the service's URL is reachable from outside Google Cloud.
    pub fn is_reachable(&self) -> bool {
        let is_balanced =
            self.ingress == Ingress::InternalAndLoadBalancer.name() && self.base_url.is_some();
        self.ingress == Ingress::All.name() || is_balanced
    }

    /// Returns true if the addresses of Cloud Run are reachable from the internet.
    pub fn has_public_ingress(&self) -> bool {
        self.ingress == Ingress::All.name()
    }

    /// Returns true if this version of mcpo knows the region.
    pub fn is_region_known(&self) -> bool {
        REGIONS.contains(&&*self.region)
    }

    /// Returns the key in the names of the account, the bucket and the secrets: the service and the
    /// region.
    pub fn key(&self) -> String {
        format!("{}-{}", self.service, self.region)
    }
}

/// Reads the table in Cargo.toml.
fn table(args: &DeployArgs, package: &Package) -> Outcome<Table> {
    let name = package.name.replace('_', "-");
    Table::read(&package.metadata, &name, args.environment.as_deref())
}

fn assemble(
    args: &DeployArgs,
    package: &Package,
    environment: &Environment,
    table: Table,
    problems: &mut Vec<check::Problem>,
) -> Settings {
    let network = NetworkSettings::of(&table);
    let supply_chain = supply_chain::read(&table, problems);
    let mut env = table.env;
    add_variables(&mut env, &args.env, problems);
    let mut secrets = table.secrets.into_settings(environment);
    let names = || {
        env.keys()
            .chain(secrets.iter().map(|secret| &secret.variable))
    };
    let is_configured = names().any(|name| SIGN_IN.iter().any(|(known, _)| known == name));
    let sign_in = sign_in(is_configured, args.open_to_anyone, problems);
    if sign_in == SignIn::GeneratedPassword {
        secrets.push(generated_secret(PASSWORD, GeneratedSecret::Password));
    }
    if !secrets.iter().any(|secret| secret.variable == KEY_RING) {
        secrets.push(generated_secret(KEY_RING, GeneratedSecret::KeyRing));
    }
    let (ledger, needs_redis) = ledger::read(table.ledger.as_deref(), &secrets, problems);
    if matches!(ledger, Ledger::Memorystore(_)) {
        secrets.push(SecretSetting {
            variable: LEDGER.to_owned(),
            source: SecretSource::Instance,
        });
    }
    let mut features = table.features;
    if needs_redis && !features.iter().any(|feature| feature == REDIS_FEATURE) {
        features.push(REDIS_FEATURE.to_owned());
    }
    let budget = budget(table.budget.as_deref(), problems);
    let region = args.region.clone().or(table.region).unwrap_or_default();
    let passed = table.cloud_run.as_ref();
    network.check(&region, &ledger, passed, problems);
    let fields = ServiceFields::read(passed, network.fields(), problems);
    let replication = network.replication(table.secret_replication, problems);
    let service = args.service.clone().or(table.service);
    let service = service.or(table.environment_service);
    let domain = args.domain.clone().or(table.domain);
    if domain.is_some() && table.base_url.is_some() {
        let hint = "remove base-url; the domain sets it";
        problems.push(check::Problem::new(
            "both domain and base-url are set",
            Some(hint),
        ));
    }
    let base_url = domain.as_ref().map(|domain| format!("https://{domain}"));
    Settings {
        project: args
            .project
            .clone()
            .or(table.project)
            .or_else(project_of_environment),
        region,
        environment: args.environment.clone(),
        service: service.unwrap_or_else(|| package.name.replace('_', "-")),
        repository: table.repository.unwrap_or_else(|| "mcpo".to_owned()),
        cpu: table.cpu.unwrap_or_else(|| "1".to_owned()),
        memory: table.memory.unwrap_or_else(|| "512Mi".to_owned()),
        min_instances: table.min_instances.unwrap_or(0),
        max_instances: table.max_instances.unwrap_or(4),
        concurrency: table.concurrency.unwrap_or(80),
        timeout_seconds: table.timeout_seconds.unwrap_or(3600),
        ingress: table.ingress.unwrap_or_default().name(),
        labels: table.labels,
        env,
        secrets,
        secret_replication: replication,
        ledger,
        service_account: table.service_account,
        base_url: base_url.or(table.base_url),
        domain,
        former_domains: table.former_domains,
        is_private: args.private || table.private,
        sign_in,
        features: Features {
            named: features,
            has_default: table.default_features.unwrap_or(true),
        },
        release_steps: match &*args.steps {
            [] => table.release_steps.unwrap_or_else(|| vec![DEFAULT_STEP]),
            steps => steps.to_vec(),
        },
        preview_max_age_days: table.preview_max_age_days.unwrap_or(DEFAULT_PREVIEW_AGE),
        keep_revisions: table
            .keep_revisions
            .map_or(Some(DEFAULT_REVISIONS), KeepRevisions::number),
        budget,
        uptime_check: table.uptime_check,
        alert_email: table.alert_email,
        fields,
        cloud_sql: network.cloud_sql,
        network: network.network,
        encryption_key: network.encryption_key,
        supply_chain,
    }
}

fn budget(text: Option<&str>, problems: &mut Vec<check::Problem>) -> Option<Amount> {
    let text = text?;
    let amount = Amount::parse(text);
    if amount.is_none() {
        let hint = format!("use {}", limits::accepted("budget"));
        let what = format!("invalid budget {text:?}");
        problems.push(check::Problem::new(what, Some(&hint)));
    }
    amount
}

/// Adds the variables of `--env`.
fn add_variables(
    env: &mut BTreeMap<String, String>,
    pairs: &[String],
    problems: &mut Vec<check::Problem>,
) {
    for pair in pairs {
        match pair.split_once('=') {
            Some((name, value)) => {
                env.insert(name.to_owned(), value.to_owned());
            }
            None => problems.push(check::Problem::new(
                format!("`--env {pair}` is not NAME=VALUE"),
                None,
            )),
        }
    }
}

fn sign_in(
    is_configured: bool,
    is_open_to_anyone: bool,
    problems: &mut Vec<check::Problem>,
) -> SignIn {
    if is_open_to_anyone && is_configured {
        let what = "--open-to-anyone is given, but a sign-in is configured";
        problems.push(check::Problem::new(what, Some("remove one of the two")));
    }
    match (is_configured, is_open_to_anyone) {
        (_, true) => SignIn::OpenToAnyone,
        (true, false) => SignIn::Configured,
        (false, false) => SignIn::GeneratedPassword,
    }
}

fn generated_secret(variable: &str, generated_secret: GeneratedSecret) -> SecretSetting {
    SecretSetting {
        variable: variable.to_owned(),
        source: SecretSource::Generated(generated_secret),
    }
}

fn project_of_environment() -> Option<String> {
    ["GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|project| !project.is_empty())
}
