//! What items are called on the wire.

use std::collections::HashMap;

use shakedown_model::{ItemId, Plan};
use shakedown_nacos::ConfigKey;

/// The names of a plan's items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    keys: Vec<ConfigKey>,
    items: HashMap<ConfigKey, ItemId>,
}

impl Names {
    pub(super) fn of(plan: &Plan) -> Self {
        let keys: Vec<ConfigKey> = (0..plan.item_count())
            .map(|n| {
                let key = plan.key_of(ItemId(n));
                ConfigKey::new(key.data_id, key.group, key.namespace)
            })
            .collect();
        let items = keys.iter().cloned().zip((0..).map(ItemId)).collect();
        Self { keys, items }
    }

    /// Where an item of the plan lies.
    pub(super) fn key(&self, item: ItemId) -> ConfigKey {
        self.keys[item.index()].clone()
    }

    /// The item with this key; `None` for one that is not the plan's.
    pub(super) fn item(&self, key: &ConfigKey) -> Option<ItemId> {
        self.items.get(key).copied()
    }

    /// The namespace that a client declares when it sets its connection up: that of the first item.
    pub(super) fn tenant(&self) -> &str {
        self.keys.first().map_or("", |key| &key.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_found_by_its_whole_key() {
        let keys = vec![ConfigKey::public("run-7-0", "G"), ConfigKey::new("run-7-0", "G", "ns")];
        let items = keys.iter().cloned().zip((0..).map(ItemId)).collect();
        let names = Names { keys, items };
        assert_eq!(names.key(ItemId(1)), ConfigKey::new("run-7-0", "G", "ns"));
        assert_eq!(names.item(&ConfigKey::public("run-7-0", "G")), Some(ItemId(0)));
        assert_eq!(names.item(&ConfigKey::new("run-7-0", "G", "ns")), Some(ItemId(1)));
        assert_eq!(names.item(&ConfigKey::public("run-7-0", "H")), None);
    }
}
