//! Every 17th query is answered with content of another item, MD5 and all. Breaks: isolated.
//!
//! It is what the next other item in order was served with when it was last asked for. While there is none, the answer
//! is honest.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use shakedown_nacos::ConfigKey;

use super::{EveryNth, Seams};
use crate::core::Entry;

const PERIOD: u64 = 17;

#[derive(Debug, Default)]
pub(super) struct CrossItems {
    queries: EveryNth,
    served: BTreeMap<ConfigKey, Arc<Entry>>,
}

impl CrossItems {
    fn other(&self, key: &ConfigKey) -> Option<&Arc<Entry>> {
        let after = self.served.range((Bound::Excluded(key), Bound::Unbounded)).next();
        let other = after.or_else(|| self.served.range(..key).next());
        other.map(|(_, entry)| entry)
    }
}

impl Seams for CrossItems {
    fn reply(&mut self, key: &ConfigKey, current: Arc<Entry>) -> Arc<Entry> {
        self.served.insert(key.clone(), Arc::clone(&current));
        if !self.queries.is_hit(PERIOD) {
            return current;
        }
        self.other(key).map_or(current, Arc::clone)
    }
}
