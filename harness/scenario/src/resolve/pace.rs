//! How clients hold their own requests back.

use std::time::Duration;

use shakedown_model::plan::{Pace, ReadOnly, TokenBucket};

use super::positive;
use crate::problem::Findings;
use crate::raw::{RawBucket, RawPace, RawReadOnly};

/// The slowest that a bucket fills: a token in this many seconds.
const SLOWEST: f64 = 3_600.0;

pub(super) fn pace(raw: &RawPace, found: &mut Findings) -> Pace {
    positive(raw.stagger.as_ref(), "stagger", found);
    Pace {
        bucket: raw.bucket.as_ref().and_then(|raw| bucket(&raw.value, found)),
        stagger: raw.stagger.as_ref().map(|stagger| stagger.value),
        read_only: raw.read_only.as_ref().and_then(|raw| read_only(&raw.value, found)),
    }
}

fn bucket(raw: &RawBucket, found: &mut Findings) -> Option<TokenBucket> {
    positive(raw.capacity.as_ref(), "capacity", found);
    positive(raw.refill.as_ref(), "refill", found);
    let refill = raw.refill.as_ref()?;
    let each = Duration::try_from_secs_f64(1.0 / refill.value.0).ok().filter(|each| !each.is_zero());
    if refill.value.0 > 0.0 && (each.is_none() || 1.0 / refill.value.0 > SLOWEST) {
        found
            .error("scenario::out_of_range", refill.span, "a bucket is refilled once an hour at least")
            .help("write `refill: 10/s`");
    }
    Some(TokenBucket { capacity: raw.capacity.as_ref()?.value.max(1), refill: each? })
}

fn read_only(raw: &RawReadOnly, found: &mut Findings) -> Option<ReadOnly> {
    positive(raw.pause.as_ref(), "for", found);
    let after = raw.after.as_ref()?;
    let Some(number) = u8::try_from(after.value).ok().filter(|number| *number > 0) else {
        found.error("scenario::out_of_range", after.span, "`after` is a number from 1 to 255");
        return None;
    };
    Some(ReadOnly { after: number, pause: raw.pause.as_ref()?.value })
}
