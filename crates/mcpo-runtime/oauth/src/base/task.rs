//! Starts background tasks without their types.
//!
//! tokio's code for a task is generic over its future, and takes longer to compile than most
//! futures. With the type erased, it is compiled once for all tasks of the runtime.

use std::pin::Pin;

/// The future of a background task.
pub(crate) type TaskFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Erases the type of a future.
pub fn erased(future: impl Future<Output = ()> + Send + 'static) -> TaskFuture {
    Box::pin(future)
}

/// Runs a future in the background. Must be called in a runtime.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(erased(future));
}
