//! HTTP v1: the long poll's body and answer, header and path names (facts §1).

pub mod answer;
mod codec;
pub mod connection;
pub mod listening;
pub mod names;
