//! Every 13th query is answered with a well-formed payload of a version that was never published. Breaks: nothing
//! invented.
//!
//! Content that is not a payload of the harness has no version to invent; it is answered honestly.

use std::sync::Arc;

use shakedown_model::payload::{self, Identity};
use shakedown_model::{Seed, Version};
use shakedown_nacos::ConfigKey;

use super::{EveryNth, Seams};
use crate::core::Entry;

const PERIOD: u64 = 13;

/// How far an invented version lies above the current one: farther than any run publishes.
const AHEAD: u32 = 1_000_000;

#[derive(Debug, Default)]
pub(super) struct InventVersion {
    queries: EveryNth,
}

impl Seams for InventVersion {
    fn reply(&mut self, _key: &ConfigKey, current: Arc<Entry>) -> Arc<Entry> {
        if !self.queries.is_hit(PERIOD) {
            return current;
        }
        let Some(identity) = payload::claimed(&current.content) else { return current };
        let invented = Identity { version: Version(identity.version.0.saturating_add(AHEAD)), ..identity };
        let content = payload::encode(invented, current.content.len(), Seed(0).child("invented"));
        let md5 = payload::md5_hex(&content).into();
        Arc::new(Entry { content: content.into(), md5, ..Entry::clone(&current) })
    }
}
