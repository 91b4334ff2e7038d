//! Reads the names in a certificate (RFC 5280 §4.1), for display only: nothing is verified here.

/// The attributes of a name that people recognize: the common name and the organization (RFC 5280,
/// appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The tag of the version, which is optional (`[0] EXPLICIT`).
const VERSION: u8 = 0xa0;

/// The names in a certificate, as DER.
#[derive(Debug, PartialEq, Eq)]
pub struct CertificateNames<'c> {
    pub issuer: &'c [u8],
    pub subject: &'c [u8],
}

impl<'c> CertificateNames<'c> {
    /// Reads the names of a certificate; `None` if it is not a certificate.
    pub fn of(certificate: &'c [u8]) -> Option<Self> {
        let (_, certificate, _) = element(certificate)?;
        let (_, mut fields, _) = element(certificate)?;
        if fields.first() == Some(&VERSION) {
            fields = element(fields)?.2;
        }
        // The serial number and the signature algorithm.
        for _ in 0..2 {
            fields = element(fields)?.2;
        }
        let (_, issuer, fields) = element(fields)?;
        // The validity.
        let (_, _, fields) = element(fields)?;
        let (_, subject, _) = element(fields)?;
        Some(Self { issuer, subject })
    }
}

/// Returns a name in a few words: the common name, and the organization in parentheses.
pub fn words(name: &[u8]) -> Option<String> {
    match (attribute(name, COMMON_NAME), attribute(name, ORGANIZATION)) {
        (Some(common), Some(organization)) => Some(format!("{common} ({organization})")),
        (common, organization) => common.or(organization),
    }
}

/// Returns the text of the attribute with this object identifier.
fn attribute(mut name: &[u8], identifier: &[u8]) -> Option<String> {
    while let Some((_, set, rest)) = element(name) {
        name = rest;
        let (_, pair, _) = element(set)?;
        let (_, kind, value) = element(pair)?;
        if kind == identifier {
            let (_, text, _) = element(value)?;
            return Some(String::from_utf8_lossy(text).into_owned());
        }
    }
    None
}

/// Returns the tag and the content of the first element of `input`, and what follows it (X.690 §8.1).
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = input.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if !(1..=3).contains(&bytes.len()) {
            return None;
        }
        let length = bytes
            .iter()
            .fold(0, |length, byte| (length << 8) | usize::from(*byte));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::CertificateNames;

    #[test]
    fn cut_off_certificates_have_no_names() {
        let made = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
        let certificate = made.cert.der();
        let names = CertificateNames::of(certificate).unwrap();
        assert_eq!(names.issuer, names.subject);
        for length in 0..40 {
            assert_eq!(
                CertificateNames::of(&certificate[..length]),
                None,
                "{length}"
            );
        }
        assert_eq!(
            CertificateNames::of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]),
            None
        );
    }
}
