//! Stores in the service what mcpo wrote last.
//!
//! The record is an annotation of the service, which Google stores for tools and which creates no
//! revision. It is part of the write that it describes, so it needs no additional request and is
//! never older than the settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::values::{self, Source};
use crate::{
    google::api::{
        Labels,
        run::{Service, TrafficTarget},
    },
    last_write::CLIENT,
};

/// The annotation with the settings that mcpo wrote last.
pub const APPLIED: &str = "mcpo-applied";
/// The maximum length of a record in bytes. Google stores up to 256 KiB of annotations.
const MAX_LEN: usize = 64 * 1024;

/// What mcpo wrote last.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    /// The generation of the service after the last write of mcpo, if only mcpo wrote it until then.
    generation: u64,
    /// The settings by their paths.
    pub settings: BTreeMap<String, Value>,
    /// `None` if the record would be too long with them.
    pub variables: Option<BTreeMap<String, Source>>,
    pub traffic: Vec<TrafficTarget>,
    /// The fields that are passed through to the API, as in `Service::passed`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed: BTreeMap<String, String>,
}

impl Record {
    /// Returns true if mcpo certainly wrote the service last. Then nothing was changed elsewhere,
    /// even if Google returns a setting in another form than the one that mcpo wrote.
    pub fn is_current(&self, service: &Service) -> bool {
        service.client == CLIENT && generation(service) <= self.generation
    }
}

/// Returns the record of the service. A record that this version cannot read counts as missing.
pub fn read(service: &Service) -> Option<Record> {
    serde_json::from_str(service.annotations.get(APPLIED)?).ok()
}

/// Adds the record of a deployment to the annotations of its write. `wanted` are the settings that
/// mcpo manages, before they are merged with those of other tools.
pub fn after_release(
    mut annotations: Labels,
    current: Option<&Service>,
    wanted: &Service,
    traffic: &[TrafficTarget],
) -> Labels {
    let record = Record {
        generation: current.map_or(0, generation) + 1,
        settings: values::of(wanted),
        variables: Some(values::variables(wanted)),
        traffic: traffic.to_vec(),
        passed: wanted.passed.clone(),
    };
    insert(&mut annotations, record);
    annotations
}

/// Returns the fields that mcpo's last write passed through to the API, if it is the current one.
pub fn passed_fields(service: &Service) -> Option<BTreeMap<String, String>> {
    let record = read(service).filter(|record| record.is_current(service))?;
    Some(record.passed)
}

/// Returns the JSON pointers of the fields that mcpo's last write passed through to the API.
pub fn all_passed_fields(service: &Service) -> Vec<String> {
    let record = read(service);
    record.map_or_else(Vec::new, |record| record.passed.into_keys().collect())
}

/// Updates the record for a write that changes the traffic only. Settings that were changed
/// elsewhere before stay recorded as mcpo wrote them.
pub fn after_shift(
    mut annotations: Labels,
    current: &Service,
    traffic: &[TrafficTarget],
) -> Labels {
    if let Some(mut record) = read(current) {
        if record.is_current(current) {
            record.generation = generation(current) + 1;
        }
        record.traffic = traffic.to_vec();
        insert(&mut annotations, record);
    }
    annotations
}

fn insert(annotations: &mut Labels, mut record: Record) {
    let written = |record: &Record| serde_json::to_string(record).ok();
    let mut text = written(&record);
    if text.as_ref().is_some_and(|text| text.len() > MAX_LEN) {
        record.variables = None;
        text = written(&record);
    }
    match text.filter(|text| text.len() <= MAX_LEN) {
        Some(text) => annotations.insert(APPLIED.to_owned(), text),
        // No record is better than an outdated one.
        None => annotations.remove(APPLIED),
    };
}

fn generation(service: &Service) -> u64 {
    service.generation.map_or(0, |generation| generation.0)
}
