//! The tests that mcpo itself makes.

/// A kind of test. At most one test of each kind runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestKind {
    /// A probe of the server.
    Probe,
    /// Finding, listing or calling tools.
    ToolCall,
}
