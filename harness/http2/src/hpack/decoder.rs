//! Bytes to fields (RFC 7541 §3 and §6).

use std::borrow::Cow;

use super::fields::Fields;
use super::static_table::ENTRIES;
use super::table::Table;
use super::{huffman, integer};
use crate::error::Error;

/// The table's size before anything is agreed (RFC 9113 §6.5.2).
const FIRST_CAPACITY: usize = 4_096;

/// A name and a value.
type Entry<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The receiving side of a connection's field compression. We ask the peer to do without a table; until it has
/// acknowledged that, it may use one.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// Made by the first entry.
    table: Option<Box<Table>>,
    /// What the peer's encoder has set.
    capacity: u16,
    /// Whether the peer has acknowledged that it may not use a table.
    is_without: bool,
    /// Whether the next section must begin with an update, as after that acknowledgement (RFC 9113 §4.3.1).
    must_update: bool,
}

impl Decoder {
    pub(crate) const fn new() -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "4,096 fits; try_from is not const")]
        let capacity = FIRST_CAPACITY as u16;
        Self { table: None, capacity, is_without: false, must_update: false }
    }

    /// The peer has acknowledged a table size of zero.
    pub(crate) const fn forbid_table(&mut self) {
        if !self.is_without {
            self.is_without = true;
            self.must_update = self.capacity > 0;
        }
    }

    /// Decodes a whole section. Fields beyond `limit` are left out and the result says so; the table is kept right.
    ///
    /// # Errors
    /// A COMPRESSION_ERROR: the connection cannot go on.
    pub(crate) fn decode(&mut self, section: &[u8], limit: usize) -> Result<Fields, Error> {
        let (mut rest, mut fields) = (section, Fields::default());
        let mut may_update = true;
        while let Some(first) = rest.first() {
            if first & 0xe0 == 0x20 {
                if !may_update {
                    return Err(Error::compression("a table size update stands behind a field"));
                }
                self.update(&mut rest)?;
                continue;
            }
            if self.must_update {
                return Err(Error::compression("the table was not given up, as was acknowledged"));
            }
            may_update = false;
            if first & 0x80 != 0 {
                let index = integer::read(&mut rest, 7)?;
                let (name, value) = self.entry(index)?;
                fields.push(&name, &value, limit);
            } else {
                self.literal(&mut rest, *first, &mut fields, limit)?;
            }
        }
        Ok(fields)
    }

    fn update(&mut self, rest: &mut &[u8]) -> Result<(), Error> {
        let capacity = integer::read(rest, 5)?;
        let most = if self.is_without { 0 } else { FIRST_CAPACITY };
        self.capacity = u16::try_from(capacity)
            .ok()
            .filter(|_| capacity <= most)
            .ok_or(Error::compression("a table size update is above what was allowed"))?;
        self.must_update &= capacity > 0;
        match &mut self.table {
            Some(_) if capacity == 0 => self.table = None,
            Some(table) => table.set_capacity(capacity),
            None => {}
        }
        Ok(())
    }

    fn literal(
        &mut self,
        rest: &mut &[u8],
        first: u8,
        fields: &mut Fields,
        limit: usize,
    ) -> Result<(), Error> {
        let is_indexed = first & 0xc0 == 0x40;
        let index = integer::read(rest, if is_indexed { 6 } else { 4 })?;
        let name = if index == 0 { string(rest)? } else { Cow::Owned(self.entry(index)?.0.into_owned()) };
        let value = string(rest)?;
        fields.push(&name, &value, limit);
        if is_indexed && self.capacity > 0 {
            let capacity = usize::from(self.capacity);
            self.table.get_or_insert_with(|| Box::new(Table::new(capacity))).insert(&name, &value);
        }
        Ok(())
    }

    fn entry(&self, index: usize) -> Result<Entry<'_>, Error> {
        let place = index.checked_sub(1).ok_or(Error::compression("a field has the index 0"))?;
        if let Some((name, value)) = ENTRIES.get(place) {
            return Ok((name.as_bytes().into(), value.as_bytes().into()));
        }
        self.table
            .as_ref()
            .and_then(|table| table.get(place - ENTRIES.len()))
            .map(|(name, value)| (name.into(), value.into()))
            .ok_or(Error::compression("a field has an index that the table does not have"))
    }
}

/// Takes a string off (RFC 7541 §5.2).
fn string<'a>(rest: &mut &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
    let is_coded = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer::read(rest, 7)?;
    let (bytes, after) =
        rest.split_at_checked(length).ok_or(Error::compression("a field section ends within a string"))?;
    *rest = after;
    if !is_coded {
        return Ok(bytes.into());
    }
    // The shortest code has five bits.
    let mut text = Vec::with_capacity(length * 8 / 5);
    huffman::decode(bytes, &mut text)?;
    Ok(text.into())
}
