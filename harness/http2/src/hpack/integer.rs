//! Integers with a prefix (RFC 7541 §5.1).

use crate::error::Error;

/// Appends `value` with a prefix of `bits` bits, below the bits that `first` has set.
pub(super) fn write(out: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
    let max = (1_usize << bits) - 1;
    let byte = |value: usize| u8::try_from(value).expect("masked to eight bits");
    if value < max {
        out.push(first | byte(value));
        return;
    }
    out.push(first | byte(max));
    let mut rest = value - max;
    while rest >= 128 {
        out.push(byte(rest & 127) | 128);
        rest >>= 7;
    }
    out.push(byte(rest));
}

/// Takes an integer with a prefix of `bits` bits off `bytes`; what no field can need is an error.
pub(super) fn read(bytes: &mut &[u8], bits: u32) -> Result<usize, Error> {
    let max = (1_usize << bits) - 1;
    let mut value = usize::from(next(bytes)?) & max;
    if value < max {
        return Ok(value);
    }
    for shift in [0, 7, 14, 21] {
        let byte = next(bytes)?;
        value += usize::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Ok(value);
        }
    }
    Err(Error::compression("an integer in a field section is too large"))
}

fn next(bytes: &mut &[u8]) -> Result<u8, Error> {
    let (first, rest) =
        bytes.split_first().ok_or(Error::compression("a field section ends within a field"))?;
    *bytes = rest;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541 §C.1.
    #[test]
    fn the_examples_of_the_rfc() {
        for (value, bits, bytes) in [(10, 5, &[10][..]), (1337, 5, &[31, 154, 10]), (42, 8, &[42])] {
            let mut out = Vec::new();
            write(&mut out, 0, bits, value);
            assert_eq!(out, bytes);
            assert_eq!(read(&mut &*out, bits).unwrap(), value);
        }
    }

    #[test]
    fn endless_and_cut_integers_are_errors() {
        assert!(read(&mut &[31, 255, 255, 255, 255, 0][..], 5).is_err());
        assert!(read(&mut &[31, 255][..], 5).is_err());
        assert!(read(&mut &[][..], 5).is_err());
    }
}
