//! Faults that a test can request for a method.

/// A fault of one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 403 with the name of the permission.
    Denied(&'static str),
    /// 429, with `Retry-After` if given.
    Quota(Option<u64>),
    /// This HTTP status with this JSON body, as quoted in a public report.
    Recorded(u16, String),
    /// This HTTP status.
    Status(u16),
    /// The connection ends before the call is handled.
    Disconnect,
    /// The connection ends after the call was handled.
    LostResponse,
    /// The connection ends after this many bytes of the body.
    DisconnectAfter(usize),
    /// The call's operation fails with this code.
    OperationFails(i32, &'static str),
    /// The call's operation finishes after this many polls; on Cloud Run, tenths of a second.
    Slow(u32),
    /// All access tokens expire when the method is called.
    TokensExpire,
    /// Another caller changes the service when the method is called.
    ConcurrentChange,
    /// No response for this many seconds.
    Hangs(u64),
    /// No response until this many calls of the method have started since the last `clear_calls`,
    /// so that concurrent callers are guaranteed to overlap.
    Barrier(usize),
}
