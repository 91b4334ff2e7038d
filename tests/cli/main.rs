//! The tool as a person meets it: the real binary, real folders, real processes.

mod dev;
mod dev_processes;
mod mistakes;
mod new;
mod new_failures;
mod running;
mod tool;
