//! Token buckets as arithmetic: when one will be full again is all that there is to remember of it.

use std::time::Duration;

use shakedown_model::Offset;

/// Takes a token from a bucket that is full from `full_at` on, gets one with every `refill`, and is filled from nothing in
/// `whole`: when it will be full now, or, where it is empty, when it will have a token.
pub(crate) fn take(
    full_at: Offset,
    refill: Duration,
    whole: Duration,
    now: Offset,
) -> Result<Offset, Offset> {
    let full_at = full_at.max(now) + refill;
    let next = full_at.saturating_sub(whole);
    if next > now { Err(next) } else { Ok(full_at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_so_many_and_gets_one_after_another() {
        let (refill, whole, at) = (Duration::from_secs(1), Duration::from_secs(3), Offset::from_secs(9));
        let mut full_at = Offset::ZERO;
        for _ in 0..3 {
            full_at = take(full_at, refill, whole, at).unwrap();
        }
        assert_eq!(full_at, at + whole);
        assert_eq!(take(full_at, refill, whole, at), Err(at + refill));
        let full_at = take(full_at, refill, whole, at + refill).unwrap();
        assert_eq!(take(full_at, refill, whole, at + refill), Err(at + refill * 2));
    }
}
