//! A response that is being read.

use reqwest::{Response, StatusCode, header::HeaderMap};

use super::{error::RequestError, record::Record};

/// A response whose head has arrived.
pub struct Incoming {
    response: Response,
    record: Record,
}

impl Incoming {
    pub const fn new(response: Response, record: Record) -> Self {
        Self { response, record }
    }

    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }

    pub fn url(&self) -> &url::Url {
        self.response.url()
    }

    /// Returns the next chunk of the body.
    pub async fn chunk(&mut self) -> Result<Option<bytes::Bytes>, RequestError> {
        match self.response.chunk().await {
            Ok(Some(chunk)) => {
                self.record.came(&chunk);
                Ok(Some(chunk))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                let request_error = RequestError::from_reqwest(&error);
                self.record.failed(&request_error);
                Err(request_error)
            }
        }
    }
}
