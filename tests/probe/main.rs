//! Black-box tests of `mcpo probe`: the real binary against real servers on real sockets.

mod broken;
mod healthy;
mod hostile;
mod machine;
mod support;
