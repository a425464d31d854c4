//! What items are called on the wire.

use std::collections::HashMap;

use shakedown_model::{ItemId, Plan};
use shakedown_nacos::ConfigKey;

/// What the default namespace is called where it has a name: by Java 3 clients, and by servers of the third generation
/// (nacos-facts.md §1.6).
const PUBLIC: &str = "public";

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

    /// Where an item of the plan lies, as a client names it that calls the default namespace `public`, or not.
    pub(super) fn key(&self, item: ItemId, names_public: bool) -> ConfigKey {
        let mut key = self.keys[item.index()].clone();
        if names_public && key.tenant.is_empty() {
            PUBLIC.clone_into(&mut key.tenant);
        }
        key
    }

    /// The item with this key, whatever the default namespace is called in it; `None` for one that is not the plan's.
    pub(super) fn item(&self, key: &ConfigKey) -> Option<ItemId> {
        let other = || match key.tenant.as_str() {
            "" => PUBLIC,
            PUBLIC => "",
            other => other,
        };
        let renamed = || ConfigKey::new(key.data_id.clone(), key.group.clone(), other());
        self.items.get(key).or_else(|| self.items.get(&renamed())).copied()
    }

    /// The namespace that a client declares when it sets its connection up: that of the first item.
    pub(super) fn tenant(&self, names_public: bool) -> &str {
        match self.keys.first().map_or("", |key| key.tenant.as_str()) {
            "" if names_public => PUBLIC,
            tenant => tenant,
        }
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
        assert_eq!(names.key(ItemId(1), true), ConfigKey::new("run-7-0", "G", "ns"));
        assert_eq!(names.key(ItemId(0), true), ConfigKey::new("run-7-0", "G", "public"));
        assert_eq!(names.key(ItemId(0), false), ConfigKey::public("run-7-0", "G"));
        assert_eq!(names.item(&ConfigKey::new("run-7-0", "G", "public")), Some(ItemId(0)));
        assert_eq!(names.item(&ConfigKey::public("run-7-0", "G")), Some(ItemId(0)));
        assert_eq!(names.item(&ConfigKey::new("run-7-0", "G", "ns")), Some(ItemId(1)));
        assert_eq!(names.item(&ConfigKey::public("run-7-0", "H")), None);
    }
}
