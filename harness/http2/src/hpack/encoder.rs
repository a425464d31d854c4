//! Fields to bytes: by the static table and as literals, never by a table of our own.

use super::integer;
use super::static_table::ENTRIES;

/// Appends a section with these fields; names are lower case. `gives_up_table` says so first (RFC 7541 §4.2).
pub(crate) fn encode(fields: &[(&str, &str)], gives_up_table: bool, out: &mut Vec<u8>) {
    if gives_up_table {
        out.push(0x20);
    }
    for (name, value) in fields {
        let whole = ENTRIES.iter().position(|entry| entry == &(*name, *value));
        if let Some(place) = whole.filter(|_| !value.is_empty()) {
            integer::write(out, 0x80, 7, place + 1);
            continue;
        }
        match ENTRIES.iter().position(|(other, _)| other == name) {
            Some(place) => integer::write(out, 0, 4, place + 1),
            None => {
                out.push(0);
                string(name, out);
            }
        }
        string(value, out);
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    integer::write(out, 0, 7, text.len());
    out.extend_from_slice(text.as_bytes());
}
