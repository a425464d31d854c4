//! Every delete is acked, and the item stays. Breaks: nothing lost.

use shakedown_nacos::ConfigKey;

use super::Seams;

#[derive(Debug)]
pub(super) struct KeepDeleted;

impl Seams for KeepDeleted {
    fn removes(&self, _key: &ConfigKey) -> bool {
        false
    }
}
