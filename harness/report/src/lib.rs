//! Showing a judged run: terminal and Markdown summary, JSON object, JUnit XML, HDR histograms, charts and one HTML page.
//!
//! Every reporter is a pure function of a [`ReportInput`]; only [`write_all`] touches the disk. Reporters never judge:
//! verdicts, figures and their "n too small" come from `shakedown-check`. They never trust what they print either:
//! names and witnesses are escaped for the place where they stand. Start at [`ReportInput`].

pub mod baseline;
pub mod charts;
pub mod compare;
mod fidelity;
pub mod floor;
mod heap;
pub mod histograms;
pub mod html;
mod input;
pub mod json;
pub mod junit;
pub mod markdown;
mod own_share;
mod quantity;
mod service;
mod slowest;
pub mod terminal;
mod write;

#[cfg(test)]
mod fixture;

pub use input::ReportInput;
pub use write::{ReportError, Written, write_all};
