//! What can go wrong at Google's end, to be asked for by method.

/// A fault of one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 403, naming the permission.
    Denied(&'static str),
    /// 429; `Retry-After` if given.
    Quota(Option<u64>),
    /// This HTTP status with this body, in JSON, as somebody has seen it.
    Recorded(u16, String),
    /// This HTTP status.
    Status(u16),
    /// The connection ends before anything was done.
    Cut,
    /// The connection ends after it was done.
    LostAnswer,
    /// The connection ends after so many bytes of the body.
    CutBody(usize),
    /// The operation that it starts fails with this code.
    OperationFails(i32, &'static str),
    /// The operation that it starts is done after so many looks.
    Slow(u32),
    /// All access tokens expire at that moment.
    TokensExpire,
    /// Somebody else changes the service at that moment.
    SomebodyElse,
    /// No answer for so many seconds.
    Hangs(u64),
    /// No answer before there are so many calls of the method, counted from the last
    /// `forget_calls`; so that callers certainly meet.
    Meets(usize),
}
