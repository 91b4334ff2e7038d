//! A certificate for this machine, stored in the project's state folder.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use mcpo_common::{
    error::{Failure, Outcome},
    private_file,
};
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};

const FOLDER: &str = "tls";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Apple's systems reject certificates that are valid for more than 825 days.
const LIFETIME: Duration = Duration::from_secs(800 * 24 * 60 * 60);
const RENEWED_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A certificate and its key. It is self-signed and not a CA: a client that trusts it trusts only
/// the names of this machine, and a stolen key cannot sign certificates for other sites.
pub struct Certificate {
    pub file: PathBuf,
    pub der: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
}

impl Certificate {
    /// Returns the stored certificate for these names, or creates one.
    pub fn keep(state: &Path, names: &[String]) -> Outcome<Self> {
        let folder = state.join(FOLDER);
        let failed = |error: &dyn std::error::Error| {
            Failure::new(format!(
                "failed to store a certificate in {}",
                folder.display()
            ))
            .because(error)
        };
        if let Some(kept) = Self::read(&folder, names) {
            return Ok(kept);
        }
        fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let key = KeyPair::generate().map_err(|error| failed(&error))?;
        let certificate = params(names)
            .and_then(|params| params.self_signed(&key))
            .map_err(|error| failed(&error))?;
        let write = |file: &str, text: &str| private_file::write(&folder.join(file), text);
        write("key.pem", &key.serialize_pem())
            .and_then(|()| write("names", &stamp(names)))
            .and_then(|()| write("certificate.pem", &certificate.pem()))
            .map_err(|error| failed(&error))?;
        Ok(Self {
            file: folder.join("certificate.pem"),
            der: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }

    fn read(folder: &Path, names: &[String]) -> Option<Self> {
        let file = folder.join("certificate.pem");
        let made = fs::metadata(&file).ok()?.modified().ok()?;
        let age = match made.elapsed() {
            Ok(age) => age,
            // The clock may have been set back a little. The certificate is valid from one day
            // before its creation, so it is kept, and clients that trust it do not have to trust a
            // new one.
            Err(ahead) if ahead.duration() < DAY => Duration::ZERO,
            Err(_) => return None,
        };
        let is_for_these = fs::read_to_string(folder.join("names")).ok()? == stamp(names);
        if !is_for_these || age + RENEWED_BEFORE > LIFETIME {
            return None;
        }
        Some(Self {
            der: CertificateDer::from_pem_file(&file).ok()?,
            key: PrivateKeyDer::from_pem_file(folder.join("key.pem")).ok()?,
            file,
        })
    }
}

fn stamp(names: &[String]) -> String {
    format!("{}\n", names.join("\n"))
}

fn params(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    // rcgen writes names that are IP addresses as addresses.
    let mut params = CertificateParams::new(names.to_vec())?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "mcpo dev on this machine");
    params.distinguished_name = name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + LIFETIME).into();
    Ok(params)
}

/// Returns the names and addresses that the certificate is valid for: those of this machine, and
/// `host`.
pub fn names(host: IpAddr) -> Vec<String> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut names = own.to_vec();
    let host = host.to_string();
    if !names.contains(&host) {
        names.push(host);
    }
    names
}
