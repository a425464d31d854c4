//! Every 7th query is answered with the version before the current one, MD5 and all. Breaks: monotonic.
//!
//! A query of a config that has only ever had one version is answered honestly.

use std::collections::BTreeMap;
use std::sync::Arc;

use shakedown_nacos::ConfigKey;

use super::{EveryNth, Seams};
use crate::core::Entry;

const PERIOD: u64 = 7;

#[derive(Debug, Default)]
pub(super) struct AnswerOld {
    queries: EveryNth,
    before: BTreeMap<Arc<ConfigKey>, Arc<Entry>>,
}

impl Seams for AnswerOld {
    fn replaced(&mut self, key: &Arc<ConfigKey>, before: Option<&Arc<Entry>>) {
        if let Some(before) = before {
            self.before.insert(Arc::clone(key), Arc::clone(before));
        }
    }

    fn reply(&mut self, key: &ConfigKey, current: Arc<Entry>) -> Arc<Entry> {
        if self.queries.is_hit(PERIOD) { self.before.get(key).map_or(current, Arc::clone) } else { current }
    }
}
