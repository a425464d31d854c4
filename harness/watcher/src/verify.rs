//! Whether content is what it should be: an intact payload of this run and item, with the MD5 that the server names.

use shakedown_model::event::Corruption;
use shakedown_model::payload::{self, Identity};
use shakedown_model::{ItemId, Version};

/// Content that cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unverified {
    /// What is wrong with it.
    pub corruption: Corruption,
    /// The item and version that it claims to be, when it is of this run.
    pub claims: Option<(ItemId, Version)>,
}

/// What content proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Its version.
    pub version: Version,
    /// The MD5 over its bytes.
    pub md5: [u8; 16],
    /// Whether it is whole and no application can use it.
    pub is_invalid: bool,
}

/// What `text` proves for `item` of run `run`.
///
/// # Errors
/// [`Unverified`] says what is wrong with it.
pub fn verify(run: u64, item: ItemId, text: &str, stated_md5: Option<&str>) -> Result<Verified, Unverified> {
    let identity = payload::decode(text).map_err(|error| Unverified {
        corruption: Corruption::Payload(error),
        claims: payload::claimed(text).map(|Identity { item, version, .. }| (item, version)),
    })?;
    // The items of another run are none of this one: that nothing is claimed tells it apart from a crossed border.
    let claims = (identity.run == run).then_some((identity.item, identity.version));
    let fail = |corruption| Err(Unverified { corruption, claims });
    if identity.run != run || identity.item != item {
        return fail(Corruption::Misplaced);
    }
    let md5 = payload::md5(text);
    if stated_md5.is_some_and(|stated| parse_md5(stated) != Some(md5)) {
        return fail(Corruption::Md5);
    }
    Ok(Verified { version: identity.version, md5, is_invalid: identity.is_invalid })
}

fn parse_md5(hex: &str) -> Option<[u8; 16]> {
    let digits = hex.as_bytes();
    if digits.len() != 32 || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut md5 = [0; 16];
    for (byte, pair) in md5.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(md5)
}

#[cfg(test)]
mod tests {
    use shakedown_model::Seed;
    use shakedown_model::payload::PayloadError;

    use super::*;

    fn text() -> String {
        payload::encode(Identity::new(7, ItemId(3), Version(2)), 200, Seed(1))
    }

    #[test]
    fn intact_content_proves_its_version() {
        let text = text();
        let md5 = payload::md5_hex(&text);
        let verified = Verified { version: Version(2), md5: payload::md5(&text), is_invalid: false };
        assert_eq!(verify(7, ItemId(3), &text, Some(&md5)), Ok(verified));
        assert_eq!(verify(7, ItemId(3), &text, None), Ok(verified));
    }

    #[test]
    fn each_way_of_being_wrong_has_its_name() {
        let text = text();
        let claims = Some((ItemId(3), Version(2)));
        let wrong =
            |run, item, text: &str, md5: &str| verify(run, ItemId(item), text, Some(md5)).unwrap_err();
        let md5 = payload::md5_hex(&text);
        let table = [
            (wrong(8, 3, &text, &md5), Corruption::Misplaced, None),
            (wrong(7, 4, &text, &md5), Corruption::Misplaced, claims),
            (wrong(7, 3, &text, "0cc175b9c0f1b6a831c399e269772661"), Corruption::Md5, claims),
            (wrong(7, 3, &text, &md5[1..]), Corruption::Md5, claims),
            (wrong(7, 3, &text[..150], &md5), Corruption::Payload(PayloadError::Length), claims),
            (wrong(7, 3, "other", &md5), Corruption::Payload(PayloadError::Foreign), None),
        ];
        for (found, corruption, claims) in table {
            assert_eq!(found, Unverified { corruption, claims });
        }
    }
}
