//! The ports that a client connects to.

use url::Url;

use crate::{check::Fault, profile::Profile};

/// Returns the fault if the client does not connect to the port of `url`. If the target is on this
/// machine or in a private network (`is_public` is false), any port may be used.
pub fn refused(profile: &Profile, is_public: bool, url: &Url) -> Option<Fault> {
    let port = profile.refused_port(url).filter(|_| is_public)?;
    let (client, ports) = (&profile.title, profile.shown_ports());
    let hint =
        format!("serve it on port {ports}: the requests of {client} never arrive at another port");
    let seen = format!("{url} has port {port}");
    Some(Fault::new(seen, format!("port {ports}"), hint))
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::refused;
    use crate::profile::Client;

    #[test]
    fn only_public_servers_must_use_the_ports_of_the_client() {
        let claude = Client::ClaudeAi.profile().unwrap();
        let other = Url::parse("https://login.example.com:8443/token").unwrap();
        let fault = refused(&claude, true, &other).unwrap();
        let seen = "https://login.example.com:8443/token has port 8443";
        assert_eq!((&*fault.seen, &*fault.expected), (seen, "port 443"));
        assert_eq!(refused(&claude, false, &other), None);
        let usual = Url::parse("https://login.example.com/token").unwrap();
        assert_eq!(refused(&claude, true, &usual), None);
        let code = Client::ClaudeCode.profile().unwrap();
        assert_eq!(refused(&code, true, &other), None);
    }
}
