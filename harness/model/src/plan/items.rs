//! The config items: how many, where they lie on the server, and how large their payloads are.

use serde::{Deserialize, Serialize};

use crate::payload::MIN_BYTES;
use crate::{ItemId, Seed};

/// The config items.
///
/// Items are dealt over namespaces and groups, so that the same data id exists in each of them: content that crosses
/// from one to another is seen by the item that its payload names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemsSpec {
    /// How many items are shared; `ItemId(0..shared)`.
    pub shared: u32,
    /// The size of payloads.
    pub payload: PayloadSize,
    /// Every data id begins with it.
    pub prefix: String,
    /// The Nacos groups of the items, at least one.
    pub groups: Vec<String>,
    /// The Nacos namespaces of the items, at least one; empty is the default one.
    pub namespaces: Vec<String>,
}

/// Where an item lies on the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemKey {
    /// The data id.
    pub data_id: String,
    /// The Nacos group.
    pub group: String,
    /// The Nacos namespace; empty is the default one.
    pub namespace: String,
}

impl ItemsSpec {
    /// Where an item lies: items with consecutive ids share a data id and lie in consecutive groups, then namespaces.
    #[must_use]
    pub fn key_of(&self, item: ItemId) -> ItemKey {
        let groups = self.groups.len().max(1);
        let places = groups * self.namespaces.len().max(1);
        let place = item.index() % places;
        ItemKey {
            data_id: format!("{}{}", self.prefix, item.index() / places),
            group: self.groups.get(place % groups).cloned().unwrap_or_default(),
            namespace: self.namespaces.get(place / groups).cloned().unwrap_or_default(),
        }
    }
}

/// The size of payloads in bytes, at least [`MIN_BYTES`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadSize {
    /// Always the same.
    Fixed(usize),
    /// Every size between both is as likely as another.
    Uniform {
        /// The smallest.
        min: usize,
        /// The largest.
        max: usize,
    },
    /// Many small and few large ones: a Pareto distribution, cut at `max`.
    Pareto {
        /// The smallest, where the distribution begins.
        min: usize,
        /// What is larger becomes this.
        max: usize,
        /// The shape: the smaller, the heavier the tail; 1.16 gives the rule of 80 to 20.
        shape: f64,
    },
    /// One of a few sizes, by weight.
    Choice(Vec<SizeChoice>),
}

/// A size and how often it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SizeChoice {
    /// The size in bytes.
    pub bytes: usize,
    /// Its weight beside the others'.
    pub weight: u32,
}

impl PayloadSize {
    /// The `n`th size that `draws` yields.
    #[must_use]
    pub fn draw(&self, draws: Seed, n: u64) -> usize {
        let bytes = match self {
            Self::Fixed(bytes) => *bytes,
            Self::Uniform { min, max } => {
                let span = max.saturating_sub(*min) as u64 + 1;
                min + usize::try_from(draws.below(n, span)).unwrap_or_default()
            }
            Self::Pareto { min, max, shape } => pareto(*min, *max, *shape, draws.unit(n)),
            Self::Choice(choices) => {
                let all = choices.iter().map(|choice| u64::from(choice.weight)).sum::<u64>().max(1);
                let mut left = draws.below(n, all);
                let chosen = choices.iter().find(|choice| {
                    let is_here = left < u64::from(choice.weight);
                    left = left.saturating_sub(u64::from(choice.weight));
                    is_here
                });
                chosen.map_or(MIN_BYTES, |choice| choice.bytes)
            }
        };
        bytes.max(MIN_BYTES)
    }

    /// The largest size that can be drawn.
    #[must_use]
    pub fn largest(&self) -> usize {
        let bytes = match self {
            Self::Fixed(bytes) => *bytes,
            Self::Uniform { max, .. } | Self::Pareto { max, .. } => *max,
            Self::Choice(choices) => choices.iter().map(|choice| choice.bytes).max().unwrap_or_default(),
        };
        bytes.max(MIN_BYTES)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the value is positive and cut at `max`; a byte more or less does not matter"
)]
fn pareto(min: usize, max: usize, shape: f64, unit: f64) -> usize {
    let size = min as f64 / (1.0 - unit).powf(1.0 / shape);
    (size.min(max as f64)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(groups: &[&str], namespaces: &[&str]) -> ItemsSpec {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        ItemsSpec {
            shared: 4,
            payload: PayloadSize::Fixed(1024),
            prefix: "i-".to_owned(),
            groups: owned(groups),
            namespaces: owned(namespaces),
        }
    }

    #[test]
    fn one_place_numbers_data_ids_by_item() {
        let key = items(&["G"], &[""]).key_of(ItemId(3));
        assert_eq!((key.data_id.as_str(), key.group.as_str(), key.namespace.as_str()), ("i-3", "G", ""));
    }

    #[test]
    fn places_share_data_ids_and_no_two_items_share_a_key() {
        let items = items(&["G", "H"], &["", "ns"]);
        let keys: std::collections::BTreeSet<_> = (0..8).map(|n| items.key_of(ItemId(n))).collect();
        assert_eq!(keys.len(), 8);
        assert!(keys.iter().all(|key| key.data_id == "i-0" || key.data_id == "i-1"));
    }

    #[test]
    fn sizes_stay_within_their_bounds_and_differ() {
        for size in [
            PayloadSize::Uniform { min: 200, max: 400 },
            PayloadSize::Pareto { min: 200, max: 4000, shape: 1.16 },
            PayloadSize::Choice(vec![
                SizeChoice { bytes: 200, weight: 9 },
                SizeChoice { bytes: 4000, weight: 1 },
            ]),
        ] {
            let drawn: Vec<_> = (0..500).map(|n| size.draw(Seed(3), n)).collect();
            assert!(drawn.iter().all(|bytes| (200..=size.largest()).contains(bytes)), "{size:?}");
            assert!(drawn.iter().any(|bytes| *bytes != drawn[0]), "{size:?}");
        }
    }
}
