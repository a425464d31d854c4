//! Every 5th publish of an item is acked but not stored. Breaks: nothing lost.

use std::collections::BTreeMap;

use shakedown_nacos::ConfigKey;

use super::{EveryNth, Seams};

const PERIOD: u64 = 5;

#[derive(Debug, Default)]
pub(super) struct LoseWrite {
    publishes: BTreeMap<ConfigKey, EveryNth>,
}

impl Seams for LoseWrite {
    fn stores(&mut self, key: &ConfigKey) -> bool {
        !self.publishes.entry(key.clone()).or_default().is_hit(PERIOD)
    }
}
