//! The age of a resource, from its creation time at Google.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 24 * 60 * 60;

/// Returns the age in seconds at `now`; 0 if the time is not in the form of RFC 3339 in UTC, so that
/// nothing is removed because of a time that this version cannot read.
pub fn age(created: &str, now: SystemTime) -> u64 {
    let now = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    seconds(created).map_or(0, |created| now.saturating_sub(created))
}

/// Returns the age in words, such as `3 days`.
pub fn in_words(created: &str, now: SystemTime) -> String {
    let age = age(created, now);
    let (number, unit) = match age {
        DAY.. => (age / DAY, "day"),
        3600.. => (age / 3600, "hour"),
        _ => (age / 60, "minute"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// Parses `2026-11-28T20:10:30.5Z` into seconds since 1970.
fn seconds(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, separator| -> Option<Vec<u64>> {
        text.split(separator)
            .map(|part| part.parse().ok())
            .collect()
    };
    let time = time.split('.').next()?;
    let (date, time) = (numbers(date, '-')?, numbers(time, ':')?);
    let ([year, month, day], [hour, minute, second]) = (&*date, &*time) else {
        return None;
    };
    if !(1..=12).contains(month) || !(1..=31).contains(day) || !(1970..9999).contains(year) {
        return None;
    }
    // The year of this calculation starts in March, so that a leap day is its last day.
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (*year, month - 3),
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // The days from March of the year 0 to 1970.
    let days = days.checked_sub(719_468)?;
    Some(days * DAY + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{age, in_words, seconds};

    #[test]
    fn times_of_google_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:30:15.123456Z", Some(951_827_415)),
            ("2026-11-28T20:10:30Z", Some(1_795_896_630)),
            ("2026-11-28", None),
            ("2026-13-28T20:10:30Z", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn ages_are_shown_in_the_largest_unit() {
        let created = "2026-11-28T20:10:30Z";
        let after = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_795_896_630 + seconds);
        assert_eq!(age(created, after(86_401)), 86_401);
        assert_eq!(age("yesterday", after(900_000)), 0);
        assert_eq!(in_words(created, after(61)), "1 minute");
        assert_eq!(in_words(created, after(7200)), "2 hours");
        assert_eq!(in_words(created, after(3 * 86_400)), "3 days");
    }
}
