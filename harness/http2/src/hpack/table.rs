//! The dynamic table (RFC 7541 §2.3.2 and §4).

use std::collections::VecDeque;

/// What an entry costs beside its bytes (RFC 7541 §4.1).
pub(super) const ENTRY_OVERHEAD: usize = 32;

/// Fields that the peer refers to by number, newest first.
#[derive(Debug)]
pub(super) struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Entry {
    /// The name, then the value.
    text: Box<[u8]>,
    name_bytes: usize,
}

impl Table {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), size: 0, capacity }
    }

    /// The entry with the given place, from 0.
    pub(super) fn get(&self, place: usize) -> Option<(&[u8], &[u8])> {
        self.entries.get(place).map(|entry| entry.text.split_at(entry.name_bytes))
    }

    /// Adds an entry, driving out the oldest; one larger than the table empties it (RFC 7541 §4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let size = name.len() + value.len() + ENTRY_OVERHEAD;
        self.shrink(self.capacity.saturating_sub(size));
        if size <= self.capacity {
            self.entries.push_front(Entry { text: [name, value].concat().into(), name_bytes: name.len() });
            self.size += size;
        }
    }

    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        self.shrink(capacity);
    }

    fn shrink(&mut self, to: usize) {
        while self.size > to {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size -= oldest.text.len() + ENTRY_OVERHEAD;
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_and_what_is_too_large_empties_it() {
        let mut table = Table::new(2 * (ENTRY_OVERHEAD + 2));
        table.insert(b"a", b"1");
        table.insert(b"b", b"2");
        assert_eq!(table.get(1), Some((&b"a"[..], &b"1"[..])));
        table.insert(b"c", b"3");
        assert_eq!(table.get(0), Some((&b"c"[..], &b"3"[..])));
        assert_eq!(table.get(1), Some((&b"b"[..], &b"2"[..])));
        assert_eq!(table.get(2), None);
        table.insert(b"d", &[b'x'; 100]);
        assert_eq!(table.get(0), None);
        table.insert(b"e", b"5");
        table.set_capacity(0);
        assert_eq!((table.get(0), table.size), (None, 0));
    }
}
