//! Reads the token for the domain verification of ChatGPT.

use super::reader::Reader;

const VARIABLE: &str = "MCPO_OPENAI_CHALLENGE";
/// More characters than any token that ChatGPT issues.
const LIMIT: usize = 512;

impl Reader<'_> {
    /// Returns the token as it is served. The error does not repeat it: a wrong value may be
    /// another secret.
    pub(super) fn openai_challenge(&mut self) -> Option<String> {
        let token = self.text(VARIABLE)?;
        let is_printable = token.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if is_printable && token.len() <= LIMIT {
            return Some(token);
        }
        let allowed = "the exact token that ChatGPT shows: printable ASCII, at most 512 characters";
        self.wrong(VARIABLE, None, "cannot be served", allowed);
        None
    }
}
