//! Every 7th query is answered with the content two versions before the current one, MD5 and all. Breaks: monotonic.
//!
//! One version before is what a watcher normally holds when it asks, which would show nothing. A query of a config
//! that has not had three versions yet is answered honestly.

use std::collections::BTreeMap;
use std::sync::Arc;

use shakedown_nacos::ConfigKey;

use super::{EveryNth, Seams};
use crate::core::Entry;

const PERIOD: u64 = 7;

#[derive(Debug, Default)]
pub(super) struct AnswerOld {
    queries: EveryNth,
    /// The two contents before the current one, the older first.
    before: BTreeMap<Arc<ConfigKey>, [Option<Arc<Entry>>; 2]>,
}

impl Seams for AnswerOld {
    fn replaced(&mut self, key: &Arc<ConfigKey>, before: Option<&Arc<Entry>>) {
        if let Some(before) = before {
            let [older, newer] = self.before.entry(Arc::clone(key)).or_default();
            *older = newer.replace(Arc::clone(before));
        }
    }

    fn reply(&mut self, key: &ConfigKey, current: Arc<Entry>) -> Arc<Entry> {
        if !self.queries.is_hit(PERIOD) {
            return current;
        }
        self.before.get(key).and_then(|[older, _]| older.clone()).unwrap_or(current)
    }
}
