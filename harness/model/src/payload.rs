//! Payloads that identify themselves: who wrote them, which item and version, and a checksum over all of it.

use std::fmt::Write as _;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::{ItemId, Seed, Version};

/// What a payload says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The run that wrote it.
    pub run: u64,
    /// The item that it belongs to.
    pub item: ItemId,
    /// The version of that item.
    pub version: Version,
    /// Whether it is invalid on purpose: whole, and of no use to an application, as broken YAML or a value out of range is.
    pub is_invalid: bool,
}

impl Identity {
    /// Of content that an application can use.
    #[must_use]
    pub const fn new(run: u64, item: ItemId, version: Version) -> Self {
        Self { run, item, version, is_invalid: false }
    }
}

/// Why content is not an intact payload of this harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum PayloadError {
    /// The first line is not that of a payload.
    #[error("content does not start with a shakedown payload line")]
    Foreign,
    /// The first line names a length that the content does not have: torn or truncated.
    #[error("content is shorter or longer than it says")]
    Length,
    /// The checksum does not match the content: mixed or corrupted.
    #[error("checksum does not match the content")]
    Checksum,
}

/// The shortest payload that [`encode`] writes, in bytes.
pub const MIN_BYTES: usize = 128;

/// Writes the payload of `identity`, filled to `bytes` (at least [`MIN_BYTES`]) with text drawn from `seed`.
///
/// ```
/// use shakedown_model::{payload, ItemId, Seed, Version};
/// let who = payload::Identity::new(7, ItemId(3), Version(2));
/// let text = payload::encode(who, 256, Seed(1));
/// assert_eq!(text.len(), 256);
/// assert_eq!(payload::decode(&text), Ok(who));
/// ```
#[must_use]
pub fn encode(identity: Identity, bytes: usize, seed: Seed) -> String {
    let bytes = bytes.max(MIN_BYTES);
    let head = head(identity, bytes);
    let filler_len = bytes - head.len() - "sum=0123456789abcdef\n".len();
    let filler = filler(filler_len, seed.nth(u64::from(identity.item.0)).nth(u64::from(identity.version.0)));
    let sum = sum(&head, &filler);
    format!("{head}sum={sum:016x}\n{filler}")
}

/// Reads what an intact payload says of itself.
///
/// # Errors
/// [`PayloadError`] names what is wrong with the content.
pub fn decode(content: &str) -> Result<Identity, PayloadError> {
    let (identity, stated_len) = parse_head(content).ok_or(PayloadError::Foreign)?;
    if stated_len != content.len() {
        return Err(PayloadError::Length);
    }
    let (line, filler) = content.split_once('\n').ok_or(PayloadError::Length)?;
    let (head, stated_sum) = line.split_at(line.rfind("sum=").ok_or(PayloadError::Foreign)?);
    if u64::from_str_radix(&stated_sum[4..], 16) != Ok(sum(head, filler)) {
        return Err(PayloadError::Checksum);
    }
    Ok(identity)
}

/// What the first line claims, whether or not the rest is intact.
#[must_use]
pub fn claimed(content: &str) -> Option<Identity> {
    parse_head(content).map(|(identity, _)| identity)
}

/// The MD5 of `content` over its UTF-8 bytes.
#[must_use]
pub fn md5(content: &str) -> [u8; 16] {
    Md5::digest(content.as_bytes()).into()
}

/// The MD5 of `content` over its UTF-8 bytes: 32 lower-case hex digits, as Nacos computes it (nacos-facts.md §1.5).
#[must_use]
pub fn md5_hex(content: &str) -> String {
    hex(&md5(content))
}

/// An MD5 as [`md5_hex`] writes it.
#[must_use]
pub fn hex(md5: &[u8; 16]) -> String {
    let mut hex = String::with_capacity(32);
    for byte in md5 {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
    }
    hex
}

/// The word by which a payload says that it is invalid. The checksum covers it, as all of the line before it.
const INVALID: &str = "invalid ";

fn head(identity: Identity, bytes: usize) -> String {
    let Identity { run, item, version, is_invalid } = identity;
    let mark = if is_invalid { INVALID } else { "" };
    format!("shakedown/1 run={run:016x} item={item} version={version} bytes={bytes} {mark}")
}

fn sum(head: &str, filler: &str) -> u64 {
    let mut both = Vec::with_capacity(head.len() + filler.len());
    both.extend_from_slice(head.as_bytes());
    both.extend_from_slice(filler.as_bytes());
    xxh3_64(&both)
}

fn filler(len: usize, seed: Seed) -> String {
    const ALPHABET: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut text = String::with_capacity(len);
    let mut n = 0;
    while text.len() < len {
        let mut bits = seed.draw(n);
        n += 1;
        for _ in 0..10 {
            if text.len() == len {
                break;
            }
            text.push(char::from(ALPHABET[(bits & 63) as usize]));
            bits >>= 6;
        }
    }
    text
}

fn parse_head(content: &str) -> Option<(Identity, usize)> {
    let line = content.split_once('\n').map_or(content, |(line, _)| line);
    let mut words = line.split(' ');
    if words.next() != Some("shakedown/1") {
        return None;
    }
    let run = u64::from_str_radix(words.next()?.strip_prefix("run=")?, 16).ok()?;
    let item = ItemId(words.next()?.strip_prefix("item=")?.parse().ok()?);
    let version = Version(words.next()?.strip_prefix("version=")?.parse().ok()?);
    let bytes = words.next()?.strip_prefix("bytes=")?.parse().ok()?;
    let is_invalid = words.next() == Some(INVALID.trim_end());
    Some((Identity { run, item, version, is_invalid }, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Identity, String) {
        let identity = Identity::new(u64::MAX, ItemId(u32::MAX), Version(u32::MAX));
        (identity, encode(identity, 300, Seed(5)))
    }

    #[test]
    fn the_longest_head_still_fits_the_shortest_payload_or_grows_it() {
        let (identity, text) = sample();
        assert_eq!(decode(&text), Ok(identity));
    }

    #[test]
    fn invalid_content_is_whole_says_so_and_cannot_be_made_valid_by_a_word_less() {
        let invalid = Identity { is_invalid: true, ..sample().0 };
        let text = encode(invalid, MIN_BYTES, Seed(5));
        assert_eq!((decode(&text), text.len()), (Ok(invalid), MIN_BYTES));
        let unmarked = text.replacen(" invalid ", " ", 1);
        let padded = format!("{unmarked}{}", "x".repeat(text.len() - unmarked.len()));
        assert_eq!(decode(&padded), Err(PayloadError::Checksum));
    }

    #[test]
    fn a_truncated_payload_is_a_length_error() {
        let (_, text) = sample();
        assert_eq!(decode(&text[..200]), Err(PayloadError::Length));
    }

    #[test]
    fn a_mixed_payload_is_a_checksum_error() {
        let (_, text) = sample();
        let other = encode(Identity::new(1, ItemId(1), Version(1)), 300, Seed(5));
        let mixed = format!("{}{}", &text[..200], &other[200..]);
        assert_eq!(decode(&mixed), Err(PayloadError::Checksum));
    }

    #[test]
    fn foreign_content_is_told_apart() {
        assert_eq!(decode("hello=world"), Err(PayloadError::Foreign));
        assert_eq!(decode(""), Err(PayloadError::Foreign));
    }

    #[test]
    fn md5_keeps_leading_zeros() {
        assert_eq!(md5_hex("a"), "0cc175b9c0f1b6a831c399e269772661");
    }
}
