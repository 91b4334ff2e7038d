//! The regions of Cloud Run.

/// All regions known to this version.
pub const REGIONS: &[&str] = &[
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "asia-southeast3",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west10",
    "europe-west12",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
];

/// At most so many letters differ in a typing error.
const MAX_TYPING_ERROR: usize = 2;

/// Returns the known region that is probably meant, if `name` looks like a typing error. A name that
/// may be a newer region is not one; Google decides about it.
pub fn meant(name: &str) -> Option<&'static str> {
    if REGIONS.contains(&name) || may_be_new(name) {
        return None;
    }
    let (distance, near) = nearest(name, REGIONS)?;
    (distance <= MAX_TYPING_ERROR).then_some(near)
}

/// Returns the most similar one of `regions`, and how many letters differ.
pub fn nearest<'a>(name: &str, regions: &[&'a str]) -> Option<(usize, &'a str)> {
    let distances = regions
        .iter()
        .map(|region| (strsim::damerau_levenshtein(region, name), *region));
    distances.min_by_key(|(distance, _)| *distance)
}

/// Returns true if an unknown name has the form of a region name, so that it may be a region that
/// opened after this version: a known place, a direction, and one or two digits.
fn may_be_new(unknown: &str) -> bool {
    let shape = |name: &str| {
        let stem = name
            .trim_end_matches(|c: char| c.is_ascii_digit())
            .to_owned();
        let digits = name.len() - stem.len();
        (stem, digits)
    };
    let (stem, digits) = shape(unknown);
    let Some((place, direction)) = stem.rsplit_once('-') else {
        return false;
    };
    let stems: Vec<_> = REGIONS.iter().map(|region| shape(region).0).collect();
    let mut parts = stems.iter().filter_map(|stem| stem.rsplit_once('-'));
    let is_place = parts.clone().any(|(known, _)| known == place);
    let is_direction = parts.any(|(_, known)| known == direction);
    (1..=2).contains(&digits) && is_place && is_direction
}

#[cfg(test)]
mod tests {
    use super::{may_be_new, meant};

    #[test]
    fn only_misspelled_regions_get_a_suggestion() {
        assert_eq!(meant("europe-wset1"), Some("europe-west1"));
        assert_eq!(meant("us-centrl1"), Some("us-central1"));
        for name in ["europe-west1", "europe-west99", "mexico-central1", "mars"] {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn only_well_formed_regions_may_be_new() {
        for name in ["europe-west99", "us-northeast1", "asia-central2"] {
            assert!(may_be_new(name), "{name}");
        }
        for name in [
            "europe-wset1",
            "europe",
            "europe-west",
            "mars-west1",
            "europe-west100",
            "",
        ] {
            assert!(!may_be_new(name), "{name}");
        }
    }
}
