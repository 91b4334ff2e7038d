//! Describes who wrote a service last.

use mcpo_common::text::clean;

use crate::google::api::run::Service;

/// The name of this tool in the field `client` of a service, which names the tool of the last write.
pub const CLIENT: &str = "mcpo";

/// Returns words such as `by anna@example.com at 2026-11-28T20:10 with gcloud`. Parts that are not
/// known are omitted. `time` is in RFC 3339.
pub fn describe(account: &str, time: &str, client: &str) -> String {
    let mut words = Vec::new();
    if !account.is_empty() {
        words.push(format!("by {account}"));
    }
    if !time.is_empty() {
        let minute = time.get(..16).unwrap_or(time);
        words.push(format!("at {minute}"));
    }
    if !client.is_empty() {
        words.push(format!("with {client}"));
    }
    words.join(" ")
}

/// Returns the account, the time and the tool of the last write; empty if Google does not report them.
pub fn of(service: &Service) -> String {
    let [account, time, client] = [
        &service.last_modifier,
        &service.update_time,
        &service.client,
    ]
    .map(|text| clean(text));
    describe(&account, &time, &client)
}

/// Returns the account that wrote the service last, or `someone else`.
pub fn account_of(service: &Service) -> String {
    match clean(&service.last_modifier) {
        account if account.is_empty() => "someone else".to_owned(),
        account => account,
    }
}
