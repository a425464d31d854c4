//! The body of a long poll: which items a client listens to, and the MD5 of what it has of each (facts §1.4).

use std::borrow::Cow;

use crate::ConfigKey;
use crate::http::names::LISTENING_CONFIGS;

/// Separates the words of an entry.
pub(crate) const WORD: char = '\u{2}';
/// Ends an entry.
pub(crate) const LINE: char = '\u{1}';
/// The server refuses a body of more entries (`MD5Util.getClientMd5Map`).
pub const MAX_ENTRIES: usize = 10_000;

/// One item that a client listens to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenEntry {
    /// Which item.
    pub key: ConfigKey,
    /// The MD5 of the content that the client has; empty when it has none.
    pub md5: String,
}

/// Why a body does not list listened items; the server answers each with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListeningError {
    /// The field is absent or blank.
    #[error("no {LISTENING_CONFIGS} in the form: send at least one entry")]
    Blank,
    /// A percent sign without two hex digits after it.
    #[error("{LISTENING_CONFIGS} has a broken percent escape: encode the value once")]
    Escape,
    /// An entry has fewer than three words.
    #[error("entry {index} has {words} words, not 3 or 4")]
    TooFewWords {
        /// Which entry, from 0.
        index: usize,
        /// How many it has.
        words: usize,
    },
    /// An entry has more than four words.
    #[error("entry {index} has more than 4 words")]
    TooManyWords {
        /// Which entry, from 0.
        index: usize,
    },
    /// More than [`MAX_ENTRIES`].
    #[error("more than {MAX_ENTRIES} entries")]
    TooManyEntries,
}

/// The form body that listens to `entries`; an entry without a tenant has three words, one with a tenant four.
///
/// ```
/// use shakedown_nacos::{ConfigKey, http::listening::{encode, parse, ListenEntry}};
/// let entries = [ListenEntry { key: ConfigKey::public("d", "g"), md5: "m".into() }];
/// assert_eq!(encode(&entries), "Listening-Configs=d%02g%02m%01");
/// assert_eq!(parse(encode(&entries).as_bytes()), Ok(entries.to_vec()));
/// ```
#[must_use]
pub fn encode(entries: &[ListenEntry]) -> String {
    let mut list = String::new();
    for ListenEntry { key, md5 } in entries {
        push_words(&mut list, &[&key.data_id, &key.group, md5]);
        if !key.tenant.is_empty() {
            list.push(WORD);
            list.push_str(&key.tenant);
        }
        list.push(LINE);
    }
    form_urlencoded::Serializer::new(String::new()).append_pair(LISTENING_CONFIGS, &list).finish()
}

/// Reads a form body as the server does: the field's value is decoded once more after the form, text after the last
/// entry's end is ignored, a three-word entry has no tenant. Entries keep their order; a key may come twice.
///
/// # Errors
/// [`ListeningError`]; arbitrary bytes never panic.
pub fn parse(body: &[u8]) -> Result<Vec<ListenEntry>, ListeningError> {
    let (_, value) = form_urlencoded::parse(body)
        .find(|(name, _)| name == LISTENING_CONFIGS)
        .ok_or(ListeningError::Blank)?;
    if value.trim_matches(' ').is_empty() {
        return Err(ListeningError::Blank);
    }
    let list = decode_again(&value)?;
    let mut entries = Vec::new();
    let mut rest = &*list;
    while let Some((line, after)) = rest.split_once(LINE) {
        if entries.len() == MAX_ENTRIES {
            return Err(ListeningError::TooManyEntries);
        }
        entries.push(entry(line, entries.len())?);
        rest = after;
    }
    Ok(entries)
}

fn entry(line: &str, index: usize) -> Result<ListenEntry, ListeningError> {
    let mut words = line.split(WORD);
    let mut next =
        |words_so_far| words.next().ok_or(ListeningError::TooFewWords { index, words: words_so_far });
    let (data_id, group, md5) = (next(0)?, next(1)?, next(2)?);
    let tenant = words.next().unwrap_or_default();
    if words.next().is_some() {
        return Err(ListeningError::TooManyWords { index });
    }
    Ok(ListenEntry { key: ConfigKey::new(data_id, group, tenant), md5: md5.to_owned() })
}

pub(crate) fn push_words(list: &mut String, words: &[&str]) {
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            list.push(WORD);
        }
        list.push_str(word);
    }
}

/// Decodes percent escapes and `+` in a value that a client may have encoded twice.
fn decode_again(value: &str) -> Result<Cow<'_, str>, ListeningError> {
    if !value.contains(['%', '+']) {
        return Ok(Cow::Borrowed(value));
    }
    let is_escape = |after: &str| after.len() >= 2 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if !value.split('%').skip(1).all(is_escape) {
        return Err(ListeningError::Escape);
    }
    let spaced = value.replace('+', " ");
    let bytes = percent_encoding::percent_decode_str(&spaced).collect::<Vec<_>>();
    Ok(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> impl Strategy<Value = Vec<ListenEntry>> {
        let word = "[a-zA-Z0-9_.:\u{4e00}-\u{4e20}-]{1,20}";
        let one = (word, word, "([0-9a-f]{32})?", "([a-z0-9-]{1,36})?").prop_map(
            |(data_id, group, md5, tenant)| ListenEntry { key: ConfigKey::new(data_id, group, tenant), md5 },
        );
        prop::collection::vec(one, 1..20)
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(list in entries()) {
            prop_assert_eq!(parse(encode(&list).as_bytes()), Ok(list));
        }

        #[test]
        fn a_twice_encoded_value_is_parsed(list in entries()) {
            let once = encode(&list);
            let value = once.strip_prefix("Listening-Configs=").unwrap();
            let twice = form_urlencoded::Serializer::new(String::new())
                .append_pair(LISTENING_CONFIGS, value)
                .finish();
            prop_assert_eq!(parse(twice.as_bytes()), Ok(list));
        }

        #[test]
        fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut full = b"Listening-Configs=".to_vec();
            full.extend(body);
            drop(parse(&full));
        }
    }

    fn parse_raw(list: &str) -> Result<Vec<ListenEntry>, ListeningError> {
        let body =
            form_urlencoded::Serializer::new(String::new()).append_pair(LISTENING_CONFIGS, list).finish();
        parse(body.as_bytes())
    }

    #[test]
    fn the_exact_separators_are_used() {
        let entry = ListenEntry { key: ConfigKey::new("d", "g", "t"), md5: "m".into() };
        assert_eq!(encode(&[entry]), "Listening-Configs=d%02g%02m%02t%01");
    }

    #[test]
    fn an_empty_fourth_word_is_no_tenant() {
        let entry = ListenEntry { key: ConfigKey::public("d", "g"), md5: String::new() };
        assert_eq!(parse_raw("d\u{2}g\u{2}\u{2}\u{1}"), Ok(vec![entry.clone()]));
        assert_eq!(parse_raw("d\u{2}g\u{2}\u{1}"), Ok(vec![entry]));
    }

    #[test]
    fn malformed_lists_are_refused() {
        assert_eq!(parse(b""), Err(ListeningError::Blank));
        assert_eq!(parse_raw("  "), Err(ListeningError::Blank));
        assert_eq!(parse_raw("d\u{2}g\u{1}"), Err(ListeningError::TooFewWords { index: 0, words: 2 }));
        let five = "d\u{2}g\u{2}m\u{2}t\u{2}x\u{1}";
        assert_eq!(parse_raw(five), Err(ListeningError::TooManyWords { index: 0 }));
        assert_eq!(parse_raw("d%0"), Err(ListeningError::Escape));
    }

    #[test]
    fn the_limit_is_ten_thousand_entries() {
        let line = "d\u{2}g\u{2}m\u{1}";
        assert_eq!(parse_raw(&line.repeat(MAX_ENTRIES)).map(|e| e.len()), Ok(MAX_ENTRIES));
        assert_eq!(parse_raw(&line.repeat(MAX_ENTRIES + 1)), Err(ListeningError::TooManyEntries));
    }

    #[test]
    fn text_after_the_last_entry_is_ignored() {
        assert_eq!(parse_raw("d\u{2}g\u{2}m\u{1}d2\u{2}g").map(|e| e.len()), Ok(1));
    }
}
