//! Why connections and streams end (RFC 9113 §7).

use std::fmt;

/// An error code of RFC 9113 §7; unknown ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// No error: an end in order.
    pub const NO_ERROR: Self = Self(0x0);
    /// Something that the protocol does not allow, and no code says more.
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    /// The sender's own trouble.
    pub const INTERNAL_ERROR: Self = Self(0x2);
    /// More content than the window had room for.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// SETTINGS were not acknowledged in time.
    pub const SETTINGS_TIMEOUT: Self = Self(0x4);
    /// A frame for a stream that has ended.
    pub const STREAM_CLOSED: Self = Self(0x5);
    /// A frame of a length that its kind cannot have.
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    /// The stream was not looked at.
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// The stream is not wanted any more.
    pub const CANCEL: Self = Self(0x8);
    /// Fields cannot be decompressed.
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    /// The peer asks too much.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);

    const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0 => "NO_ERROR",
            0x1 => "PROTOCOL_ERROR",
            0x2 => "INTERNAL_ERROR",
            0x3 => "FLOW_CONTROL_ERROR",
            0x4 => "SETTINGS_TIMEOUT",
            0x5 => "STREAM_CLOSED",
            0x6 => "FRAME_SIZE_ERROR",
            0x7 => "REFUSED_STREAM",
            0x8 => "CANCEL",
            0x9 => "COMPRESSION_ERROR",
            0xa => "CONNECT_ERROR",
            0xb => "ENHANCE_YOUR_CALM",
            0xc => "INADEQUATE_SECURITY",
            0xd => "HTTP_1_1_REQUIRED",
            _ => return None,
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {:#x}", self.0),
        }
    }
}

/// The peer broke the protocol, and the connection is of no more use. The peer was told by a GOAWAY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the peer broke HTTP/2 ({code}): {text}")]
pub struct Error {
    /// The code that the peer was told.
    pub code: ErrorCode,
    /// What was wrong.
    pub text: &'static str,
}

impl Error {
    pub(crate) const fn new(code: ErrorCode, text: &'static str) -> Self {
        Self { code, text }
    }

    pub(crate) const fn protocol(text: &'static str) -> Self {
        Self::new(ErrorCode::PROTOCOL_ERROR, text)
    }

    pub(crate) const fn frame_size(text: &'static str) -> Self {
        Self::new(ErrorCode::FRAME_SIZE_ERROR, text)
    }

    pub(crate) const fn flow_control(text: &'static str) -> Self {
        Self::new(ErrorCode::FLOW_CONTROL_ERROR, text)
    }

    pub(crate) const fn compression(text: &'static str) -> Self {
        Self::new(ErrorCode::COMPRESSION_ERROR, text)
    }
}
