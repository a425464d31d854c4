//! A field section as it was received.

use std::fmt;

use super::table::ENTRY_OVERHEAD;

/// The fields of a head or of trailers, pseudo-fields such as `:path` first, in the order received.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    text: Vec<u8>,
    /// Where each name and each value ends in `text`.
    ends: Vec<(u32, u32)>,
    is_too_large: bool,
}

impl Fields {
    /// The value of the first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| *other == name.as_bytes()).map(|(_, value)| value)
    }

    /// The same, where it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(name_end, value_end)| {
            let (name_end, value_end) = (*name_end as usize, *value_end as usize);
            let field = (&self.text[start..name_end], &self.text[name_end..value_end]);
            start = value_end;
            field
        })
    }

    /// Whether fields were left out, because all together were larger than allowed.
    pub(crate) const fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// Adds a field unless the list would cost more than `limit` (RFC 9113 §6.5.2 counts 32 for each).
    pub(super) fn push(&mut self, name: &[u8], value: &[u8], limit: usize) {
        let cost = self.text.len() + name.len() + value.len() + (self.ends.len() + 1) * ENTRY_OVERHEAD;
        if cost > limit || self.is_too_large {
            *self = Self { is_too_large: true, ..Self::default() };
            return;
        }
        self.text.extend_from_slice(name);
        let name_end = self.text.len();
        self.text.extend_from_slice(value);
        let end = |end: usize| u32::try_from(end).expect("below a limit of 32 bits");
        self.ends.push((end(name_end), end(self.text.len())));
    }

    /// Whether names and values are such as HTTP/2 allows (RFC 9113 §8.2).
    pub(crate) fn is_well_formed(&self) -> bool {
        let mut is_past_pseudo = false;
        self.iter().all(|(name, value)| {
            let is_pseudo = name.first() == Some(&b':');
            let is_in_order = !is_pseudo || !is_past_pseudo;
            is_past_pseudo |= !is_pseudo;
            let name = if is_pseudo { &name[1..] } else { name };
            is_in_order && is_name(name) && is_value(value) && (is_pseudo || !is_of_a_connection(name, value))
        })
    }

    /// Whether it holds exactly these pseudo-fields beside those that may be missing.
    pub(crate) fn has_pseudo(&self, required: &[&str], optional: &[&str]) -> bool {
        let pseudo = || self.iter().map(|(name, _)| name).filter(|name| name.first() == Some(&b':'));
        let count = |wanted: &str| pseudo().filter(|name| *name == wanted.as_bytes()).count();
        required.iter().all(|name| count(name) == 1)
            && optional.iter().all(|name| count(name) <= 1)
            && pseudo().count() == required.len() + optional.iter().map(|name| count(name)).sum::<usize>()
    }
}

fn is_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| !matches!(byte, 0..=0x20 | b':' | b'A'..=b'Z' | 0x7f..=0xff);
    !name.is_empty() && name.iter().all(is_allowed)
}

fn is_value(value: &[u8]) -> bool {
    let is_edge = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
        && !is_edge(value.first())
        && !is_edge(value.last())
}

/// Fields that speak of one hop's connection are malformed in HTTP/2 (RFC 9113 §8.2.2).
fn is_of_a_connection(name: &[u8], value: &[u8]) -> bool {
    match name {
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => true,
        b"te" => value != b"trailers",
        _ => false,
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        f.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}
