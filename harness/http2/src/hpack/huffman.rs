//! Huffman-coded strings (RFC 7541 §5.2 and Appendix B).
//!
//! The code is canonical: codes of one length are consecutive, in the order of their symbols, and follow those of the length
//! before. So the lengths alone give the code.

use crate::error::Error;

const SYMBOLS: usize = 257;
/// The symbol that no string may hold.
const END: u16 = 256;
const LONGEST: usize = 30;

/// How many bits the code of each symbol has (RFC 7541 Appendix B).
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The code by length: the codes of `length` bits are `first[length]..first[length] + count[length]`, and their symbols
/// stand in `symbols` from `place[length]` on.
struct Code {
    first: [u32; LONGEST + 1],
    count: [u32; LONGEST + 1],
    place: [u32; LONGEST + 1],
    symbols: [u16; SYMBOLS],
}

static CODE: Code = code();

const fn code() -> Code {
    let mut code = Code {
        first: [0; LONGEST + 1],
        count: [0; LONGEST + 1],
        place: [0; LONGEST + 1],
        symbols: [0; SYMBOLS],
    };
    let (mut next_code, mut next_place, mut length) = (0_u32, 0_u32, 1);
    while length <= LONGEST {
        next_code <<= 1;
        code.first[length] = next_code;
        code.place[length] = next_place;
        let mut symbol = 0_u16;
        while symbol <= END {
            if LENGTHS[symbol as usize] as usize == length {
                code.symbols[next_place as usize] = symbol;
                code.count[length] += 1;
                next_code += 1;
                next_place += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    code
}

/// Appends what `coded` stands for to `text`.
pub(super) fn decode(coded: &[u8], text: &mut Vec<u8>) -> Result<(), Error> {
    let (mut code, mut length) = (0_u32, 0_usize);
    for byte in coded {
        for shift in (0..8).rev() {
            code = code << 1 | u32::from(byte >> shift & 1);
            length += 1;
            let nth = code.wrapping_sub(CODE.first[length]);
            if nth < CODE.count[length] {
                let symbol = CODE.symbols[(CODE.place[length] + nth) as usize];
                text.push(u8::try_from(symbol).map_err(|_| broken())?);
                (code, length) = (0, 0);
            } else if length == LONGEST {
                return Err(broken());
            }
        }
    }
    // What is left over is less than a byte, all ones.
    if length < 8 && code + 1 == 1 << length { Ok(()) } else { Err(broken()) }
}

const fn broken() -> Error {
    Error::compression("a Huffman-coded string is broken")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> Option<String> {
        let mut text = Vec::new();
        decode(coded, &mut text).ok()?;
        String::from_utf8(text).ok()
    }

    /// RFC 7541 §C.4.1 and §C.6.1.
    #[test]
    fn the_examples_of_the_rfc() {
        let www = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decoded(&www).unwrap(), "www.example.com");
        let date = [
            0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05, 0x95, 0x04, 0x0b, 0x81, 0x66,
            0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff,
        ];
        assert_eq!(decoded(&date).unwrap(), "Mon, 21 Oct 2013 20:13:21 GMT");
    }

    #[test]
    fn the_code_is_complete() {
        let end = CODE.first[LONGEST] + CODE.count[LONGEST];
        assert_eq!(end, 1 << LONGEST, "the last code is all ones");
        assert_eq!(CODE.symbols[SYMBOLS - 1], END);
    }

    #[test]
    fn wrong_endings_are_errors() {
        assert_eq!(decoded(&[]).unwrap(), "");
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), None, "the end symbol");
        assert_eq!(decoded(&[0x1f, 0xff]), None, "a whole byte of padding");
        assert_eq!(decoded(&[0x18]), None, "padding with zeros");
        assert_eq!(decoded(&[0x1f]).unwrap(), "a");
    }
}
