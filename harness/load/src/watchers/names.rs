//! What items are called on the wire.

use shakedown_model::{ItemId, Plan};
use shakedown_nacos::ConfigKey;

/// The names of a plan's items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    prefix: String,
    group: String,
    tenant: String,
}

impl Names {
    pub(super) fn of(plan: &Plan) -> Self {
        let items = &plan.items;
        Self { prefix: items.prefix.clone(), group: items.group.clone(), tenant: items.namespace.clone() }
    }

    pub(super) fn key(&self, item: ItemId) -> ConfigKey {
        ConfigKey::new(format!("{}{item}", self.prefix), self.group.clone(), self.tenant.clone())
    }

    /// The item with this data id; `None` for one that is not the plan's.
    pub(super) fn item(&self, data_id: &str) -> Option<ItemId> {
        data_id.strip_prefix(&self.prefix)?.parse().ok().map(ItemId)
    }

    pub(super) fn tenant(&self) -> &str {
        &self.tenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_found_by_its_data_id() {
        let names = Names { prefix: "run-7-".to_owned(), group: "G".to_owned(), tenant: String::new() };
        assert_eq!(names.key(ItemId(12)), ConfigKey::public("run-7-12", "G"));
        assert_eq!(names.item("run-7-12"), Some(ItemId(12)));
        assert_eq!(names.item("run-8-12"), None);
        assert_eq!(names.item("run-7-x"), None);
    }
}
