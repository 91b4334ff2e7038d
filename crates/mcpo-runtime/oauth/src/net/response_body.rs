//! Reads bodies of responses with a limit on their size.

use reqwest::Response;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum ResponseBodyError {
    /// The body is longer than the limit.
    TooLong,
    /// The connection failed, or a time limit was reached.
    Transport(reqwest::Error),
}

/// Reads the whole body: at most `max_len` bytes.
pub(crate) async fn read_response(
    mut response: Response,
    max_len: usize,
) -> Result<Vec<u8>, ResponseBodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(ResponseBodyError::Transport)?
    {
        if body.len() + chunk.len() > max_len {
            return Err(ResponseBodyError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
