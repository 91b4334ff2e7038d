//! The check that a server which anyone can use starts only if its owner wants that. See the table
//! of [`Config::open_to_anyone`].

use std::net::IpAddr;

use super::settings::Config;
use crate::{base::error::Error, oauth::base_url::BaseUrl};

/// The inputs of the check.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the columns of the table"
)]
struct Exposure {
    listens_on_loopback: bool,
    has_loopback_url: bool,
    has_sign_in: bool,
    is_open_to_anyone: bool,
}

impl Exposure {
    const fn may_start(self) -> bool {
        self.has_sign_in
            || self.is_open_to_anyone
            || (self.listens_on_loopback && self.has_loopback_url)
    }
}

impl Config {
    /// Returns an error if anyone could use the server and its owner has not allowed that.
    /// `listens_on` is `None` if the router is mounted in another server, which listens itself.
    pub(crate) fn check_open_access(
        &self,
        listens_on: Option<IpAddr>,
        base: &BaseUrl,
    ) -> Result<(), Error> {
        let exposure = Exposure {
            listens_on_loopback: listens_on.is_none_or(|address| address.is_loopback()),
            has_loopback_url: base.is_loopback(),
            has_sign_in: self.has_sign_in(),
            is_open_to_anyone: self.is_open_to_anyone,
        };
        if exposure.may_start() {
            return Ok(());
        }
        let reached_at = match listens_on {
            Some(address) if base.is_loopback() => format!("it listens on {address}"),
            _ => format!("its base URL is {base}"),
        };
        Err(Error::OpenAccess { reached_at })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::{base::seal::KeyRing, oauth::authorization_server::AuthorizationServer};

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const LOOPBACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    const ALL: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    const ALL_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    const LAN: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 0, 2));

    fn config() -> Config {
        let base = BaseUrl::parse("http://localhost:8080").unwrap();
        Config::new(base, KeyRing::random().unwrap())
    }

    /// Tests every row of the table, with each kind of address and of sign-in.
    #[test]
    fn open_server_starts_only_on_loopback_or_if_allowed_explicitly() {
        let issuer = AuthorizationServer::new("https://login.example").unwrap();
        let sign_ins = [
            config().with_password("x"),
            config().with_authorization_server(issuer),
        ];
        for base in [
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "https://a.example",
        ] {
            let base = BaseUrl::parse(base).unwrap();
            for listens_on in [LOOPBACK, LOOPBACK_V6, ALL, ALL_V6, LAN] {
                let starts =
                    |config: &Config| config.check_open_access(Some(listens_on), &base).is_ok();
                assert!(sign_ins.iter().all(starts), "{listens_on} {base}");
                assert!(starts(&config().open_to_anyone()), "{listens_on} {base}");
                let is_local = listens_on.is_loopback() && base.is_loopback();
                assert_eq!(starts(&config()), is_local, "{listens_on} {base}");
            }
            let mounted = config().check_open_access(None, &base);
            assert_eq!(mounted.is_ok(), base.is_loopback(), "mounted, {base}");
        }
    }

    #[test]
    fn error_names_the_reachable_address_and_the_variables_to_set() {
        let local = BaseUrl::parse("http://localhost:8080").unwrap();
        let error = config().check_open_access(Some(ALL), &local).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("it listens on 0.0.0.0"), "{error}");
        assert!(error.contains("ADMIN_PASSWORD") && error.contains("MCPO_OPEN_TO_ANYONE=1"));
        let public = BaseUrl::parse("https://a.example").unwrap();
        let error = config()
            .check_open_access(Some(LOOPBACK), &public)
            .unwrap_err();
        assert!(error.to_string().contains("https://a.example"), "{error}");
    }
}
