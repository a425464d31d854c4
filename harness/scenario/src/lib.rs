//! Scenario files: parsed with spans, validated, resolved into a [`shakedown_model::Plan`].
//!
//! A scenario goes through three forms: a tree in which every node knows where it was written (overrides and
//! `${env:NAME}` act here), the raw scenario that mirrors the file, and the plan with every default visible and every
//! instant absolute. Every problem of a scenario is reported at once, with its place and the nearest thing that is
//! known; serde would stop at the first one, so the tree is read by declarations of our own, from which the JSON
//! Schema comes too. This crate starts nothing, looks at no server home and opens no socket. Start at [`load()`].
//!
//! ```
//! use shakedown_scenario::{Overrides, explain, load_text};
//! let text = "
//! shakedown: 1
//! name: small
//! items: { count: 3 }
//! watchers: [ { group: polling, count: 20, client: { like: nacos-node } } ]
//! mutations: { arrivals: { poisson: 2/s } }
//! phases: [ { name: warm-up, for: 1s }, { name: steady, for: 20s } ]
//! ";
//! let loaded = load_text("small.yaml", text, &Overrides::new().with("watchers.polling.count=40"))?;
//! assert_eq!(loaded.plan.watcher_count(), 40);
//! assert!(explain(&loaded.plan).contains("steady: 1.000s to 21.000s"));
//!
//! let problems = load_text("small.yaml", &text.replace("for: 20s", "for: 20"), &Overrides::new()).unwrap_err();
//! assert_eq!(problems.iter().next().unwrap().code(), "scenario::wrong_unit");
//! # Ok::<(), shakedown_scenario::Problems>(())
//! ```

mod client;
mod env;
mod explain;
mod field;
mod gate;
mod load;
mod overrides;
mod problem;
mod quantity;
mod raw;
mod resolve;
mod schema;
mod source;
#[cfg(test)]
mod tests;
mod trace;
mod tree;

pub use client::{BUILT_IN_DRIVERS, Sdk};
pub use explain::explain;
pub use load::{Loaded, load, load_text};
pub use overrides::Overrides;
pub use problem::{Problem, Problems};
pub use schema::schema;
