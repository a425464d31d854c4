//! How calls end: heads, statuses, and the trailers that carry them.

use shakedown_nacos::grpc::frame::FrameError;

/// The head of every answer.
pub(super) const HEAD: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];

/// The trailers of an answer.
pub(super) const DONE: [(&str, &str); 1] = [("grpc-status", "0")];

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn no_such_method() -> Self {
        Self { status: UNIMPLEMENTED, message: "no such method".to_owned() }
    }

    pub(super) fn no_request() -> Self {
        Self { status: INTERNAL, message: "half closed without a request".to_owned() }
    }

    pub(super) fn too_many() -> Self {
        Self { status: RESOURCE_EXHAUSTED, message: "too many calls of this connection wait".to_owned() }
    }
}

const RESOURCE_EXHAUSTED: &str = "8";
const UNIMPLEMENTED: &str = "12";
const INTERNAL: &str = "13";

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        let status = match error {
            FrameError::TooLarge { .. } => RESOURCE_EXHAUSTED,
            FrameError::Flag(_) => UNIMPLEMENTED,
            FrameError::Protobuf(_) | FrameError::CutShort(_) => INTERNAL,
        };
        Self { status, message: escaped(&error.to_string()) }
    }
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// As gRPC wants a message to be: what is not printable ASCII goes as `%` and two digits.
fn escaped(message: &str) -> String {
    let mut escaped = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'$' | b'&'..=b'~' => escaped.push(char::from(byte)),
            _ => {
                escaped.push('%');
                for digit in [byte >> 4, byte & 0xf] {
                    escaped.push(char::from(DIGITS[usize::from(digit)]));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_wrong_in_words_that_a_field_may_hold() {
        assert_eq!(Refusal::from(FrameError::Flag(1)).status, "12");
        assert_eq!(Refusal::from(FrameError::CutShort(3)).message, "stream ended 3 bytes into a frame");
        assert_eq!(escaped("100 %\n组"), "100 %25%0A%E7%BB%84");
    }
}
