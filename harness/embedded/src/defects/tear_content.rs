//! Every 11th query is answered with its second half cut off, under the MD5 of the whole. Breaks: intact.

use std::sync::Arc;

use shakedown_nacos::ConfigKey;

use super::{EveryNth, Seams};
use crate::core::Entry;

const PERIOD: u64 = 11;

#[derive(Debug, Default)]
pub(super) struct TearContent {
    queries: EveryNth,
}

impl Seams for TearContent {
    fn reply(&mut self, _key: &ConfigKey, current: Arc<Entry>) -> Arc<Entry> {
        if !self.queries.is_hit(PERIOD) {
            return current;
        }
        let middle = current.content.len() / 2;
        let half = (0..=middle).rev().find_map(|end| current.content.get(..end)).unwrap_or_default();
        Arc::new(Entry { content: half.into(), ..Entry::clone(&current) })
    }
}
