//! The answer of a long poll: the keys that changed, URL-encoded as one string, then a newline (facts §1.4).

use crate::ConfigKey;
use crate::http::listening::{LINE, WORD, push_words};

/// Why a body is not an answer of a long poll.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not UTF-8 once decoded.
    #[error("long-poll answer is not UTF-8")]
    NotText,
    /// The last entry has no end: the answer was cut short.
    #[error("long-poll answer is cut short")]
    CutShort,
    /// An entry has neither two nor three words.
    #[error("entry {index} of the long-poll answer has {words} words, not 2 or 3")]
    Words {
        /// Which entry, from 0.
        index: usize,
        /// How many words it has.
        words: usize,
    },
}

/// The body that names `changed`; empty when nothing changed.
///
/// ```
/// use shakedown_nacos::{ConfigKey, http::answer::{encode, parse}};
/// let changed = [ConfigKey::public("d", "g"), ConfigKey::new("e", "g", "t")];
/// assert_eq!(encode(&changed), "d%02g%01e%02g%02t%01\n");
/// assert_eq!(parse(b"d%02g%01e%02g%02t%01\n"), Ok(changed.to_vec()));
/// assert_eq!(encode(&[]), "");
/// ```
#[must_use]
pub fn encode(changed: &[ConfigKey]) -> String {
    let mut list = String::new();
    for key in changed {
        push_words(&mut list, &[&key.data_id, &key.group]);
        if !key.tenant.is_empty() {
            list.push(WORD);
            list.push_str(&key.tenant);
        }
        list.push(LINE);
    }
    if list.is_empty() {
        return list;
    }
    let mut body: String = form_urlencoded::byte_serialize(list.as_bytes()).collect();
    body.push('\n');
    body
}

/// Reads the keys that changed; a body without any text means none.
///
/// # Errors
/// [`AnswerError`]; arbitrary bytes never panic.
pub fn parse(body: &[u8]) -> Result<Vec<ConfigKey>, AnswerError> {
    let spaced: Vec<u8> =
        body.trim_ascii().iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let list = percent_encoding::percent_decode(&spaced).decode_utf8().map_err(|_| AnswerError::NotText)?;
    let mut changed = Vec::new();
    let mut rest = &*list;
    while let Some((line, after)) = rest.split_once(LINE) {
        changed.push(key(line, changed.len())?);
        rest = after;
    }
    if rest.is_empty() { Ok(changed) } else { Err(AnswerError::CutShort) }
}

fn key(line: &str, index: usize) -> Result<ConfigKey, AnswerError> {
    let words: Vec<&str> = line.split(WORD).collect();
    match *words {
        [data_id, group] => Ok(ConfigKey::public(data_id, group)),
        [data_id, group, tenant] => Ok(ConfigKey::new(data_id, group, tenant)),
        _ => Err(AnswerError::Words { index, words: words.len() }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(
            words in prop::collection::vec(
                ("[a-zA-Z0-9_.:\u{4e00}-\u{4e20} +%-]{1,20}", "[a-zA-Z0-9_.:-]{1,20}", "([a-z0-9-]{1,36})?"),
                0..20,
            )
        ) {
            let changed: Vec<_> = words.into_iter().map(|(d, g, t)| ConfigKey::new(d, g, t)).collect();
            prop_assert_eq!(parse(encode(&changed).as_bytes()), Ok(changed));
        }

        #[test]
        fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(parse(&body));
        }
    }

    #[test]
    fn a_bare_newline_means_nothing_changed() {
        assert_eq!(parse(b"\n"), Ok(vec![]));
        assert_eq!(parse(b""), Ok(vec![]));
    }

    #[test]
    fn a_cut_answer_is_told_from_a_whole_one() {
        assert_eq!(parse(b"d%02g%01e%02"), Err(AnswerError::CutShort));
        assert_eq!(parse(b"d%01"), Err(AnswerError::Words { index: 0, words: 1 }));
    }
}
