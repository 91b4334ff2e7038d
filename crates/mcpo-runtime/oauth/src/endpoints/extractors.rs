//! Extractors: the arguments of handlers.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Extension,
    body::Bytes,
    extract::{ConnectInfo, FromRequest, FromRequestParts, Request, rejection::ExtensionRejection},
    response::Response,
};
use http::{Extensions, HeaderMap, request::Parts};

use super::{
    browser_session::{Browser, Form, FormError, FormKind, KnownBrowser, is_cross_site},
    responses::{forged_form, unusable_form},
};
use crate::{
    net::{
        body::{self, BodyError, FORM_TIMEOUT},
        client_ip::ClientIp,
    },
    oauth::{
        base_url::BaseUrl,
        params::{self, Params},
    },
    state::App,
};

/// Returns the peer of the connection, or `None` if the router is mounted in a server that does not
/// record it.
#[must_use]
pub fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map(|ConnectInfo(peer)| *peer)
}

impl FromRequestParts<Arc<App>> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let peer = peer(&parts.extensions);
        Ok(Self::of(peer, &parts.headers, &app.trusted_proxies))
    }
}

/// The part of a request that every page needs: the client, the name of this server that the
/// request used, and the cookies of the browser.
pub(crate) struct PageContext {
    pub(crate) app: Arc<App>,
    pub(crate) base: BaseUrl,
    pub(crate) client: ClientIp,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for PageContext {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, ExtensionRejection> {
        let Extension(base) = Extension::from_request_parts(parts, app).await?;
        let Ok(client) = ClientIp::from_request_parts(parts, app).await;
        Ok(Self {
            app: Arc::clone(app),
            base,
            client,
            headers: parts.headers.clone(),
        })
    }
}

impl PageContext {
    /// Returns the browser, if its cookie is valid.
    pub(crate) fn browser(&self) -> Option<Browser> {
        Browser::from_headers(&self.headers, &self.app, &self.base)
    }

    /// Returns the browser, if a user has signed in there before.
    pub(crate) fn known_browser(&self) -> Option<KnownBrowser> {
        KnownBrowser::from_headers(&self.headers, &self.app, &self.base)
    }

    /// Opens a submitted form of this kind that was shown to this browser. Otherwise returns the
    /// response to the submission.
    pub(crate) fn submitted_form(
        &self,
        body: &[u8],
        kind: FormKind,
    ) -> Result<(Form, Browser, Params), Box<Response>> {
        let app = &self.app;
        let Ok(params) = Params::parse(body) else {
            return Err(Box::new(forged_form(app)));
        };
        if is_cross_site(&self.headers, app) {
            return Err(Box::new(forged_form(app)));
        }
        let browser = self.browser();
        match (
            Form::open(params.get("form"), kind, browser.as_ref(), app),
            browser,
        ) {
            (Ok(form), Some(browser)) => Ok((form, browser, params)),
            (Err(FormError::Unusable(why, query)), _) => {
                Err(Box::new(unusable_form(app, why, &query)))
            }
            _ => Err(Box::new(forged_form(app))),
        }
    }
}

/// The body of a request to an OAuth endpoint, as an argument of its handler.
pub(crate) struct FormBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = BodyError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, BodyError> {
        body::read(request.into_body(), params::MAX_LEN, FORM_TIMEOUT)
            .await
            .map(Self)
    }
}
