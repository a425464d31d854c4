//! The head of a request or an answer: its first line, and the few fields that tell how its body ends.

use super::body::Framing;

/// A head as lines.
pub(super) struct Head<'a> {
    first: &'a str,
    fields: Vec<(&'a str, &'a str)>,
}

/// How a body ends where the head does not say.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ended {
    /// There is none.
    AtHead,
    /// With the connection.
    AtClose,
}

/// Adds to a head what belongs to it of `bytes`: how much that was, once it is whole.
pub(super) fn complete(head: &mut Vec<u8>, bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let before = head.len();
    head.extend_from_slice(bytes);
    let from = before.saturating_sub(END.len() - 1);
    let at = head[from..].windows(END.len()).position(|window| window == END)?;
    let whole = from + at + END.len();
    head.truncate(whole);
    Some(whole - before)
}

impl<'a> Head<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
        let mut lines = text.split("\r\n");
        let first = lines.next()?;
        let fields = lines.map(|line| line.split_once(':').map(|(name, value)| (name, value.trim())));
        Some(Self { first, fields: fields.collect::<Option<_>>()? })
    }

    /// Method and target.
    pub(super) fn request(&self) -> Option<(&'a str, &'a str)> {
        let mut words = self.first.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        version.starts_with("HTTP/1.").then_some((method, target))
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.first.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// Whether the connection ends with it.
    pub(super) fn closes(&self) -> bool {
        self.first.ends_with("HTTP/1.0")
            || self.values("connection").any(|value| value.eq_ignore_ascii_case("close"))
    }

    /// How its body ends; `None` when that cannot be told.
    pub(super) fn framing(&self, otherwise: Ended) -> Option<Framing> {
        if let Some(coding) = self.values("transfer-encoding").last() {
            return coding.eq_ignore_ascii_case("chunked").then(Framing::chunked);
        }
        match (self.values("content-length").next(), otherwise) {
            (Some(length), _) => length.parse().ok().map(Framing::Length),
            (None, Ended::AtHead) => Some(Framing::Length(0)),
            (None, Ended::AtClose) => Some(Framing::UntilClose),
        }
    }

    /// The head again, with a body of this length.
    pub(super) fn with_length(&self, length: usize) -> Vec<u8> {
        const OWN: [&str; 3] = ["content-length", "transfer-encoding", "trailer"];
        let others =
            self.fields.iter().filter(|(name, _)| !OWN.iter().any(|own| name.eq_ignore_ascii_case(own)));
        let fields: String = others.flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        format!("{}\r\n{fields}content-length: {length}\r\n\r\n", self.first).into_bytes()
    }
}
