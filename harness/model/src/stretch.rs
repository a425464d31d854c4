//! Items in a row: a watcher listens to three stretches of them, however many items they hold.

use crate::ItemId;

/// Consecutive items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first of them.
    pub first: ItemId,
    /// How many; none is allowed.
    pub count: u32,
}

/// The fewest stretches that hold these items, in their order.
#[must_use]
pub fn stretches(items: &[ItemId]) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for item in items {
        match found.last_mut() {
            Some(last) if item.0.checked_sub(last.first.0) == Some(last.count) => last.count += 1,
            _ => found.push(Stretch { first: *item, count: 1 }),
        }
    }
    found
}

/// The items of stretches, one behind another.
pub fn items(stretches: &[Stretch]) -> impl Iterator<Item = ItemId> + '_ {
    stretches.iter().flat_map(|stretch| (0..stretch.count).map(|nth| ItemId(stretch.first.0 + nth)))
}

/// How many items stretches hold.
#[must_use]
pub fn count(stretches: &[Stretch]) -> usize {
    stretches.iter().map(|stretch| usize::try_from(stretch.count).expect("a usize holds a u32")).sum()
}

/// The item at a place among those of stretches.
#[must_use]
pub fn item_at(stretches: &[Stretch], place: usize) -> Option<ItemId> {
    let mut left = u32::try_from(place).ok()?;
    for stretch in stretches {
        if left < stretch.count {
            return Some(ItemId(stretch.first.0 + left));
        }
        left -= stretch.count;
    }
    None
}

/// The place of an item among those of stretches.
#[must_use]
pub fn place_of(stretches: &[Stretch], item: ItemId) -> Option<usize> {
    let mut before = 0;
    for stretch in stretches {
        match item.0.checked_sub(stretch.first.0) {
            Some(nth) if nth < stretch.count => return usize::try_from(before + nth).ok(),
            _ => before += stretch.count,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_has_its_place_in_any_order() {
        for given in
            [vec![], vec![7], vec![0, 1, 2, 9, 10, 40], vec![5, 4, 3, 90, 91, 1], vec![u32::MAX, 0, 1]]
        {
            let given: Vec<ItemId> = given.into_iter().map(ItemId).collect();
            let found = stretches(&given);
            assert_eq!(items(&found).collect::<Vec<_>>(), given);
            for (place, item) in given.iter().enumerate() {
                assert_eq!((item_at(&found, place), place_of(&found, *item)), (Some(*item), Some(place)));
            }
            assert_eq!(count(&found), given.len());
            assert_eq!((item_at(&found, given.len()), place_of(&found, ItemId(1_000))), (None, None));
        }
        assert_eq!(stretches(&[3, 4, 5, 9].map(ItemId)).len(), 2);
    }

    #[test]
    fn an_empty_stretch_holds_nothing() {
        let found = [Stretch { first: ItemId(3), count: 0 }, Stretch { first: ItemId(3), count: 1 }];
        assert_eq!((item_at(&found, 0), place_of(&found, ItemId(3))), (Some(ItemId(3)), Some(0)));
    }
}
