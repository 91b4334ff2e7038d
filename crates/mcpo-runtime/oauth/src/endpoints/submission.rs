//! The submitted form of a page, with the authorization request that the page was shown for.

use std::{marker::PhantomData, sync::Arc};

use axum::{
    extract::{FromRequest, FromRequestParts as _, Request},
    response::{IntoResponse, Response},
};

use super::{
    authorize::AuthorizationRequest,
    browser_session::{Browser, Form, FormKind},
    extractors::{FormBody, PageContext},
};
use crate::{oauth::params::Params, state::App};

/// A submitted form of the kind `K`, as an argument of its handler: this server made the form for
/// this browser, and its authorization request is still valid. Otherwise the handler is not called,
/// and the user gets a page that says why.
pub(crate) struct Submission<K> {
    pub(crate) context: PageContext,
    /// The form as this server made it.
    pub(crate) form: Form,
    pub(crate) browser: Browser,
    /// The values that the user entered.
    pub(crate) params: Params,
    pub(crate) request: AuthorizationRequest,
    kind: PhantomData<K>,
}

/// The kind of form that a handler accepts.
pub(crate) trait Kind {
    const KIND: FormKind;
}

/// The form of a login page.
pub(crate) struct SignInForm;

/// The form of the consent page.
pub(crate) struct ConsentForm;

impl Kind for SignInForm {
    const KIND: FormKind = FormKind::SignIn;
}

impl Kind for ConsentForm {
    const KIND: FormKind = FormKind::Consent;
}

impl<K: Kind> FromRequest<Arc<App>> for Submission<K> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let context = PageContext::from_request_parts(&mut parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let FormBody(body) = FormBody::from_request(Request::from_parts(parts, body), app)
            .await
            .map_err(IntoResponse::into_response)?;
        let submitted = context.submitted_form(&body, K::KIND);
        let (form, browser, params) = submitted.map_err(|response| *response)?;
        let request = AuthorizationRequest::verify(app, &form.query, context.client)
            .await
            .map_err(|refusal| refusal.after_decision(app, &context.base))?;
        Ok(Self {
            context,
            form,
            browser,
            params,
            request,
            kind: PhantomData,
        })
    }
}
