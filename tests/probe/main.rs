//! Black-box tests of `mcpo probe`.
