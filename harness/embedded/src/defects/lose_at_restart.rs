//! The newest write of an item is in memory only until its next one comes: a node that starts again lacks it. Breaks:
//! nothing lost, and monotonic for who had seen it.

use super::Seams;

#[derive(Debug)]
pub(super) struct LoseAtRestart;

impl Seams for LoseAtRestart {
    fn keeps_late(&self) -> bool {
        true
    }
}
