//! Scenario files: parsed with spans, validated, resolved into a [`shakedown_model::Plan`].
//!
//! A scenario goes through three forms: a tree in which every node knows where it was written (overrides and
//! `${env:NAME}` act here), the raw scenario that mirrors the file, and the plan with every default visible and every
//! instant absolute. Every problem of a scenario is reported at once, with its place and the nearest thing that is
//! known; serde would stop at the first one, so the tree is read by declarations of our own, from which the JSON
//! Schema comes too. This crate starts nothing, looks at no server home and opens no socket. Start at [`load()`].

mod client;
mod env;
mod explain;
mod field;
mod gate;
mod load;
mod needs;
mod overrides;
mod problem;
mod quantity;
mod raw;
mod resolve;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod tree;

pub use explain::explain;
pub use load::{Loaded, load, load_text};
pub use needs::Needs;
pub use overrides::Overrides;
pub use problem::{Problem, Problems};
pub use schema::schema;
