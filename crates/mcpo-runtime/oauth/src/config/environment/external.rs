//! Variables for a separate authorization server.

use super::reader::Reader;
use crate::{login::Login, oauth::authorization_server::AuthorizationServer};

const SERVER: &str = "MCPO_AUTHORIZATION_SERVER";
const MAP: &str = "MCPO_SCOPE_MAP";
const AUDIENCE: &str = "MCPO_AUDIENCE";
const CLAIM: &str = "MCPO_SCOPE_CLAIM";

impl Reader<'_> {
    pub(super) fn authorization_server(
        &mut self,
        login: &dyn Login,
    ) -> Option<AuthorizationServer> {
        let others = [AUDIENCE, MAP, CLAIM].map(|name| (name, self.text(name)));
        let Some(issuer) = self.text(SERVER) else {
            // A typing error must not turn a server that should trust another one into an
            // authorization server.
            for (name, _) in others.iter().filter(|(_, value)| value.is_some()) {
                let problem = "is set without MCPO_AUTHORIZATION_SERVER";
                self.wrong(name, None, problem, "set both or neither");
            }
            return None;
        };
        if !login.is_anonymous() {
            let problem = "is set together with a sign-in of this server";
            let allowed = "set one of the two: users sign in there or here";
            self.wrong(SERVER, Some(issuer.clone()), problem, allowed);
        }
        let mut server = match AuthorizationServer::new(&issuer) {
            Ok(server) => server,
            Err(error) => {
                let allowed = "its issuer identifier, for example https://login.example/";
                self.wrong(SERVER, Some(issuer), error.to_string(), allowed);
                return None;
            }
        };
        let [(_, audiences), (_, map), (_, claim)] = others;
        for audience in audiences.iter().flat_map(|text| text.split(',')) {
            let audience = audience.trim();
            if !audience.is_empty() {
                server = server.with_audience(audience);
            }
        }
        if let Some(map) = map {
            match server.clone().with_scopes(&map) {
                Ok(with) => server = with,
                Err(error) => {
                    let allowed = "for example tools.use=mcp:tools";
                    self.wrong(MAP, Some(map), error.to_string(), allowed);
                }
            }
        }
        if let Some(claim) = claim {
            server = server.with_scope_claim(claim);
        }
        Some(server)
    }
}
