//! Every 9th query is answered with the MD5 of other content. Breaks: intact.

use std::sync::Arc;

use shakedown_nacos::{ConfigKey, md5_hex};

use super::{EveryNth, Seams};
use crate::core::Entry;

const PERIOD: u64 = 9;

#[derive(Debug, Default)]
pub(super) struct WrongMd5 {
    queries: EveryNth,
}

impl Seams for WrongMd5 {
    fn reply(&mut self, _key: &ConfigKey, current: Arc<Entry>) -> Arc<Entry> {
        if !self.queries.is_hit(PERIOD) {
            return current;
        }
        Arc::new(Entry { md5: md5_hex("other content").into(), ..Entry::clone(&current) })
    }
}
