//! Reads records from Google Public DNS over HTTPS, as Google and clients on the internet see them.
//!
//! The resolver of the operating system returns only addresses, may answer differently inside of a
//! company's network, and does not use the proxy of `HTTPS_PROXY`.
//! <https://developers.google.com/speed/public-dns/docs/doh/json>

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;

use super::Dns;
use crate::google::{api::run::ResourceRecord, http::Http};

const HOST: &str = "dns.google";
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// The target of the record of a subdomain, and the addresses of an apex, which cannot have an alias
/// (RFC 1912 §2.4). Only the mapping itself is certain, see [`ResourceRecord`].
const TARGET: &str = "ghs.googlehosted.com.";
const ADDRESSES: [(&str, &str); 8] = [
    ("A", "216.239.32.21"),
    ("A", "216.239.34.21"),
    ("A", "216.239.36.21"),
    ("A", "216.239.38.21"),
    ("AAAA", "2001:4860:4802:32::15"),
    ("AAAA", "2001:4860:4802:34::15"),
    ("AAAA", "2001:4860:4802:36::15"),
    ("AAAA", "2001:4860:4802:38::15"),
];
/// The name of Google's certificate authority in CAA records, which issues the certificates of domain
/// mappings (`DomainMappingSpec.certificateMode`). <https://pki.goog/faq/#caa>
const AUTHORITY: &str = "pki.goog";

/// DNS did not answer.
#[derive(Debug)]
pub struct Unanswered;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    #[serde(rename = "Status")]
    status: u16,
    #[serde(rename = "Answer")]
    answers: Vec<Answer>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Answer {
    name: String,
    #[serde(rename = "type")]
    kind: u16,
    data: String,
}

/// Returns the data of the records of `domain` of this type, sorted. Aliases are followed, except for
/// the type `CNAME` itself.
async fn query(http: &Http, domain: &str, kind: &str) -> Result<BTreeSet<String>, Unanswered> {
    let number = number(kind);
    let url = format!("https://{HOST}/resolve?name={domain}&type={kind}");
    let sent = http.send_once(HOST, |client| client.get(&url));
    let reply = tokio::time::timeout(QUERY_TIMEOUT, sent).await;
    let reply = reply.map_err(|_| Unanswered)?.map_err(|_| Unanswered)?;
    if !reply.status.is_success() {
        return Err(Unanswered);
    }
    let reply: Reply = serde_json::from_slice(&reply.body).map_err(|_| Unanswered)?;
    // Names that do not exist (3) have no records. Other errors are errors of DNS servers.
    if !matches!(reply.status, 0 | 3) {
        return Err(Unanswered);
    }
    let found = reply
        .answers
        .into_iter()
        .filter(|answer| answer.kind == number);
    // An alias leads to other names, whose records do not count for the types that need an owner.
    let is_own = |answer: &Answer| {
        !matches!(kind, "CAA" | "NS" | "CNAME") || answer.name.trim_end_matches('.') == domain
    };
    Ok(found
        .filter(is_own)
        .map(|answer| normalized(&answer.data))
        .collect())
}

/// Returns the number of a record type (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 8659 §4.1).
fn number(kind: &str) -> u16 {
    match kind {
        "A" => 1,
        "NS" => 2,
        "CNAME" => 5,
        "AAAA" => 28,
        "CAA" => 257,
        _ => 0,
    }
}

/// Host names and addresses are compared without regard to case and a dot at the end.
fn normalized(data: &str) -> String {
    data.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns the records that Google is expected to ask for: addresses at the apex of a zone, otherwise
/// an alias.
pub async fn expected(http: &Http, domain: &str) -> Vec<ResourceRecord> {
    let is_short = domain.split('.').count() == 2;
    let is_apex = is_short
        || query(http, domain, "NS")
            .await
            .is_ok_and(|found| !found.is_empty());
    let record = |(kind, data): (&str, &str)| ResourceRecord {
        name: String::new(),
        kind: kind.to_owned(),
        rrdata: data.to_owned(),
    };
    if is_apex {
        ADDRESSES.into_iter().map(record).collect()
    } else {
        vec![record(("CNAME", TARGET))]
    }
}

/// Compares the records in DNS with the wanted ones.
pub async fn compare(http: &Http, domain: &str, wanted: &[ResourceRecord]) -> Dns {
    compared(http, domain, wanted).await.unwrap_or(Dns::Unknown)
}

async fn compared(http: &Http, domain: &str, wanted: &[ResourceRecord]) -> Result<Dns, Unanswered> {
    if wanted.is_empty() {
        return Ok(Dns::Unknown);
    }
    if let Some(alias) = wanted.iter().find(|record| record.kind == "CNAME") {
        let (found, v4, v6) = tokio::try_join!(
            query(http, domain, "CNAME"),
            query(http, domain, "A"),
            query(http, domain, "AAAA"),
        )?;
        if found.contains(&normalized(&alias.rrdata)) {
            return Ok(Dns::Set);
        }
        // Some DNS providers answer with the addresses of the target instead of the alias.
        let target = query(http, &normalized(&alias.rrdata), "A").await?;
        if !v4.is_empty() && v4.is_subset(&target) {
            return Ok(Dns::Set);
        }
        return Ok(Dns::Missing(if found.is_empty() {
            [described("A", &v4), described("AAAA", &v6)].concat()
        } else {
            described("CNAME", &found)
        }));
    }
    let (alias, v4, v6) = tokio::try_join!(
        query(http, domain, "CNAME"),
        query(http, domain, "A"),
        query(http, domain, "AAAA"),
    )?;
    let of = |kind: &str| -> BTreeSet<String> {
        let records = wanted.iter().filter(|record| record.kind == kind);
        records.map(|record| normalized(&record.rrdata)).collect()
    };
    if of("A") == v4 && of("AAAA") == v6 {
        return Ok(Dns::Set);
    }
    let others = |kind: &str, found: &BTreeSet<String>| {
        let wanted = of(kind);
        described(kind, &found.difference(&wanted).cloned().collect())
    };
    Ok(Dns::Missing(if alias.is_empty() {
        [others("A", &v4), others("AAAA", &v6)].concat()
    } else {
        described("CNAME", &alias)
    }))
}

fn described(kind: &str, data: &BTreeSet<String>) -> Vec<String> {
    data.iter().map(|data| format!("{kind} {data}")).collect()
}

/// Returns the problem and its solution if CAA records forbid Google's authority to issue a
/// certificate. The records of the nearest parent that has some apply (RFC 8659 §3).
pub async fn forbidding_caa(http: &Http, domain: &str) -> Option<String> {
    let mut owner = domain;
    loop {
        let found = query(http, owner, "CAA").await.ok()?;
        if !found.is_empty() {
            return (!allows(&found)).then(|| {
                format!("CAA records of {owner} forbid Google's certificates; add: {owner}. CAA 0 issue \"{AUTHORITY}\"")
            });
        }
        owner = owner.split_once('.').map(|(_, parent)| parent)?;
        if !owner.contains('.') {
            return None;
        }
    }
}

/// Returns true if a set of CAA records lets Google's authority issue certificates. Records without
/// the tag `issue` do not restrict anyone (RFC 8659 §4.2).
fn allows(records: &BTreeSet<String>) -> bool {
    let issuers = records.iter().filter_map(|record| {
        let (_, rest) = record.split_once(' ')?;
        let (tag, value) = rest.split_once(' ')?;
        let value = value.trim_matches('"').split(';').next()?;
        (tag == "issue").then_some(value.trim())
    });
    let mut issuers = issuers.peekable();
    issuers.peek().is_none() || issuers.any(|issuer| issuer == AUTHORITY)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::allows;

    #[test]
    fn caa_records_restrict_only_with_the_tag_issue() {
        let set = |records: &[&str]| -> BTreeSet<String> {
            records.iter().map(|record| (*record).to_owned()).collect()
        };
        for good in [
            &["0 issue \"pki.goog\""][..],
            &[
                "0 issue \"letsencrypt.org\"",
                "128 issue \"pki.goog; accounturi=x\"",
            ],
            &["0 iodef \"mailto:a@example.com\""],
            &["0 issuewild \"other.example\""],
        ] {
            assert!(allows(&set(good)), "{good:?}");
        }
        for bad in [&["0 issue \"letsencrypt.org\""][..], &["0 issue \";\""]] {
            assert!(!allows(&set(bad)), "{bad:?}");
        }
    }
}
