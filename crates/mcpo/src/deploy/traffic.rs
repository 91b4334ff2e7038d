//! Who takes the calls: the latest revision, an earlier one, or several in proportion.

use serde_json::{Value, json};

use crate::error::{Failure, Outcome};

const LATEST: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST";
const REVISION: &str = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION";

/// What the new revision is to get.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub share: Share,
    pub tag: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    Everything,
    Nothing,
    Percent(u8),
}

impl Wanted {
    /// The targets for a service whose newest revision is `newest`.
    pub fn targets(&self, current: Option<&Value>, newest: &str) -> Outcome<Value> {
        let mut targets = match (self.share, current) {
            (Share::Everything, _) => vec![json!({ "type": LATEST, "percent": 100 })],
            (_, None) => {
                return Err(
                    Failure::new("nothing serves yet that could take the calls instead")
                        .hint("deploy it once without --no-traffic and --canary"),
                );
            }
            (Share::Nothing, Some(current)) => scaled(&serving(current), newest, 100)?,
            (Share::Percent(percent), Some(current)) => {
                let percent = i64::from(percent);
                let mut targets = scaled(&serving(current), newest, 100 - percent)?;
                targets.push(json!({ "type": REVISION, "revision": newest, "percent": percent }));
                targets
            }
        };
        targets.extend(
            current
                .into_iter()
                .flat_map(|current| tags(current, self.tag.as_deref())),
        );
        if let Some(tag) = &self.tag {
            targets.push(json!({ "type": REVISION, "revision": newest, "tag": tag }));
        }
        Ok(targets.into())
    }
}

/// All calls to one revision.
pub fn only(current: &Value, revision: &str) -> Value {
    let mut targets = vec![json!({ "type": REVISION, "revision": revision, "percent": 100 })];
    targets.extend(tags(current, None));
    targets.into()
}

/// All calls to the latest revision.
pub fn latest(current: &Value) -> Value {
    let mut targets = vec![json!({ "type": LATEST, "percent": 100 })];
    targets.extend(tags(current, None));
    targets.into()
}

/// The revisions that take calls now, by name, with their shares.
pub fn serving(service: &Value) -> Vec<(String, i64)> {
    let statuses = service["trafficStatuses"].as_array();
    let mut found: Vec<(String, i64)> = Vec::new();
    for status in statuses.into_iter().flatten() {
        let percent = status["percent"].as_i64().unwrap_or(0);
        let Some(revision) = status["revision"].as_str().filter(|_| percent > 0) else {
            continue;
        };
        match found.iter_mut().find(|(name, _)| name == revision) {
            Some((_, share)) => *share += percent,
            None => found.push((revision.to_owned(), percent)),
        }
    }
    found
}

/// The others' shares, so that they add up to `sum`.
fn scaled(serving: &[(String, i64)], newest: &str, sum: i64) -> Outcome<Vec<Value>> {
    let others: Vec<_> = serving.iter().filter(|(name, _)| name != newest).collect();
    let total: i64 = others.iter().map(|(_, share)| share).sum();
    if total == 0 {
        return Err(Failure::new(
            "only this revision serves; there is no other to take the rest of the calls",
        )
        .hint("change something first, or go back with --rollback"));
    }
    let mut left = sum;
    let mut targets = Vec::new();
    for (index, (name, share)) in others.iter().enumerate() {
        let part = if index + 1 == others.len() {
            left
        } else {
            share * sum / total
        };
        left -= part;
        targets.push(json!({ "type": REVISION, "revision": name, "percent": part }));
    }
    Ok(targets)
}

/// Revisions that have an address of their own keep it.
fn tags(current: &Value, except: Option<&str>) -> Vec<Value> {
    let statuses = current["trafficStatuses"].as_array();
    statuses
        .into_iter()
        .flatten()
        .filter_map(|status| {
            let tag = status["tag"].as_str().filter(|tag| Some(*tag) != except)?;
            Some(json!({ "type": REVISION, "revision": status["revision"], "tag": tag }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Share, Wanted, serving};

    #[test]
    fn a_canary_leaves_the_rest_to_those_who_serve() {
        let current = json!({ "trafficStatuses": [
            { "revision": "a", "percent": 70 }, { "revision": "b", "percent": 30 },
            { "revision": "a", "tag": "old" },
        ] });
        let wanted = Wanted {
            share: Share::Percent(10),
            tag: None,
        };
        let targets = wanted.targets(Some(&current), "c").unwrap();
        let shares: Vec<_> = targets
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["percent"].as_i64())
            .collect();
        assert_eq!(shares, [Some(63), Some(27), Some(10), None]);
        assert_eq!(
            serving(&current),
            [("a".to_owned(), 70), ("b".to_owned(), 30)]
        );
    }

    #[test]
    fn the_first_one_cannot_be_held_back() {
        let wanted = Wanted {
            share: Share::Nothing,
            tag: None,
        };
        assert!(wanted.targets(None, "a").is_err());
    }
}
