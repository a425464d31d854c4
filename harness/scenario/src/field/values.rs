//! Single values: names, texts, numbers, and quantities with units.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Field, scalar};
use crate::problem::Findings;
use crate::quantity::{self, Wrong};
use crate::source::Span;
use crate::tree::Node;

fn quantity<T>(
    node: &Node,
    what: &str,
    parse: fn(&str) -> Result<T, Wrong>,
    found: &mut Findings,
) -> Option<T> {
    let scalar = scalar(node, what, found)?;
    match parse(&scalar.text) {
        Ok(value) => Some(value),
        Err(wrong) => {
            found.error(wrong.code, node.span, format!("`{}` is not {what}", scalar.shown)).help(wrong.help);
            None
        }
    }
}

fn number<T: std::str::FromStr>(node: &Node, what: &str, help: &str, found: &mut Findings) -> Option<T> {
    let scalar = scalar(node, what, found)?;
    let is_digits = scalar.text.bytes().all(|byte| byte.is_ascii_digit());
    let value = scalar.text.parse().ok().filter(|_| is_digits);
    if value.is_none() {
        found
            .error("scenario::not_a_number", node.span, format!("`{}` is not {what}", scalar.shown))
            .help(help);
    }
    value
}

/// A name: of a group, a phase, a fault, a link, a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl Name {
    pub(super) fn check(name: &str, span: Span, found: &mut Findings) {
        let is_good = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !name.starts_with('-');
        if !is_good {
            found
                .error("scenario::bad_name", span, format!("`{name}` cannot be a name"))
                .help("a name has 1 to 64 letters, digits, `-` or `_`, and does not begin with `-`");
        }
    }
}

impl Field for Name {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let scalar = scalar(node, "a name", found)?;
        Self::check(&scalar.text, node.span, found);
        Some(Self(scalar.text.clone()))
    }
    fn schema() -> Json {
        json!({ "type": ["string", "number"], "pattern": "^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$" })
    }
}

impl Field for String {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        scalar(node, "a text", found).map(|scalar| scalar.text.clone())
    }
    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }
}

impl Field for bool {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let scalar = scalar(node, "`true` or `false`", found)?;
        match scalar.text.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                found
                    .error(
                        "scenario::unknown_word",
                        node.span,
                        format!("`{}` is not known here", scalar.shown),
                    )
                    .help("write `true` or `false`");
                None
            }
        }
    }
    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Field for u32 {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        number(
            node,
            "a count",
            "a count is a whole number below 4,294,967,296, written in digits only",
            found,
        )
    }
    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0, "maximum": Self::MAX })
    }
}

impl Field for u64 {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        number(node, "a whole number", "write a whole number below 2^64, in digits only", found)
    }
    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 0, "maximum": Self::MAX })
    }
}

impl Field for Duration {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        quantity(node, "a time", quantity::time, found)
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? *(us|ms|s|m)$" })
    }
}

/// Not at all, or late, by a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LateBy(pub(crate) Option<Duration>);

impl Field for LateBy {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let scalar = scalar(node, "`true`, `false` or a time", found)?;
        Some(Self(match scalar.text.as_str() {
            "true" => Some(Duration::ZERO),
            "false" => None,
            _ => Some(quantity(node, "`true`, `false` or a time", quantity::time, found)?),
        }))
    }
    fn schema() -> Json {
        json!({ "anyOf": [bool::schema(), Duration::schema()] })
    }
}

/// A plain number, whole or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) f64);

impl Field for Number {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let scalar = scalar(node, "a number", found)?;
        let is_plain = scalar.text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let value = scalar.text.parse().ok().filter(|_| is_plain).map(Self);
        if value.is_none() {
            found
                .error("scenario::not_a_number", node.span, format!("`{}` is not a number", scalar.shown))
                .help("write a number without a unit, such as `1.5`");
        }
        value
    }
    fn schema() -> Json {
        json!({ "type": "number", "minimum": 0 })
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes(pub(crate) usize);

impl Field for Bytes {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        quantity(node, "a size", quantity::size, found).map(Self)
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+ *(B|KiB|MiB|GiB)$" })
    }
}

/// A number per second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PerSecond(pub(crate) f64);

impl Field for PerSecond {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        quantity(node, "a rate", quantity::rate, found).map(Self)
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? */s$" })
    }
}

/// A number of bytes per second, in KB of 1,000 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KilobytesPerSecond(pub(crate) u64);

impl Field for KilobytesPerSecond {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        quantity(node, "a rate of bytes", quantity::kilobyte_rate, found).map(Self)
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+ *(KB|MB)/s$" })
    }
}

/// A share between 0 and 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share(pub(crate) f64);

impl Field for Share {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        quantity(node, "a share", quantity::share, found).map(Self)
    }
    fn schema() -> Json {
        json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? *%$" })
    }
}

impl Field for Ipv4Addr {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let scalar = scalar(node, "an IPv4 address", found)?;
        let address = scalar.text.parse().ok();
        if address.is_none() {
            found
                .error(
                    "scenario::bad_address",
                    node.span,
                    format!("`{}` is not an IPv4 address", scalar.shown),
                )
                .help("write an address of this machine's loopback, such as `127.0.0.2`");
        }
        address
    }
    fn schema() -> Json {
        json!({ "type": "string", "format": "ipv4", "pattern": r"^127\." })
    }
}

impl Field for PathBuf {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        scalar(node, "a path", found).map(|scalar| Self::from(&scalar.text))
    }
    fn schema() -> Json {
        json!({ "type": "string" })
    }
}
