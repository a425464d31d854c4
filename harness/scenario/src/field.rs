//! How the parts of a scenario are read from a tree, with their JSON Schema beside them.
//!
//! One declaration per part (the macros below) yields the type that mirrors the file, its reader, which reports every
//! unknown, missing and ill-formed value and goes on, and its schema: so that the three cannot drift apart.

mod values;

use serde_json::{Value as Json, json};

pub(crate) use values::{Bytes, KilobytesPerSecond, LateBy, Name, Number, PerSecond, Share};

use crate::problem::{Findings, nearest};
use crate::source::{Span, Spanned};
use crate::tree::{Entry, Node, Scalar, Value};

/// A value that can be read from a node.
pub(crate) trait Field: Sized {
    /// Reads it; `None` when it is ill-formed, which is then a finding.
    fn read(node: &Node, found: &mut Findings) -> Option<Self>;
    /// What JSON Schema accepts exactly that (units and names as patterns).
    fn schema() -> Json;
}

/// The scalar of a node that must be one; `what` it must be is said otherwise.
pub(crate) fn scalar<'a>(node: &'a Node, what: &str, found: &mut Findings) -> Option<&'a Scalar> {
    match &node.value {
        Value::Scalar(scalar) if scalar.is_broken => None,
        Value::Scalar(scalar) if !node.is_null() => Some(scalar),
        _ => {
            found.error(
                "scenario::wrong_kind",
                node.span,
                format!("this must be {what}, and it is {}", node.kind()),
            );
            None
        }
    }
}

impl<T: Field> Field for Spanned<T> {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        T::read(node, found).map(|value| Self { value, span: node.span })
    }
    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Field> Field for Box<T> {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        T::read(node, found).map(Self::new)
    }
    fn schema() -> Json {
        T::schema()
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        match &node.value {
            Value::List(nodes) => Some(nodes.iter().filter_map(|node| T::read(node, found)).collect()),
            Value::Scalar(_) | Value::Map(_) => {
                found.error(
                    "scenario::wrong_kind",
                    node.span,
                    format!("this must be a list, and it is {}", node.kind()),
                );
                None
            }
        }
    }
    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// A mapping from names that the scenario chooses.
#[derive(Debug, Clone)]
pub(crate) struct Named<T>(pub(crate) Vec<(Spanned<Name>, T)>);

impl<T: Field> Field for Named<T> {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        let entries = entries(node, found)?;
        let mut named: Vec<(Spanned<Name>, T)> = Vec::new();
        for Entry { key, value } in entries {
            Name::check(&key.value, key.span, found);
            if named.iter().any(|(name, _)| name.value.0 == key.value) {
                duplicate(&key.value, key.span, found);
                continue;
            }
            if let Some(read) = T::read(value, found) {
                named.push((Spanned { value: Name(key.value.clone()), span: key.span }, read));
            }
        }
        Some(Self(named))
    }
    fn schema() -> Json {
        json!({ "type": "object", "propertyNames": Name::schema(), "additionalProperties": T::schema() })
    }
}

/// A value, or the word `none`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrNone<T>(pub(crate) Option<T>);

impl<T: Field> Field for OrNone<T> {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        if node.text() == Some("none") {
            return Some(Self(None));
        }
        T::read(node, found).map(|value| Self(Some(value)))
    }
    fn schema() -> Json {
        json!({ "anyOf": [{ "const": "none" }, T::schema()] })
    }
}

/// The word `all`, or a list.
#[derive(Debug, Clone)]
pub(crate) enum Selection<T> {
    All,
    Only(Vec<Spanned<T>>),
}

impl<T: Field> Field for Selection<T> {
    fn read(node: &Node, found: &mut Findings) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) if scalar.text == "all" => Some(Self::All),
            Value::List(_) => Vec::read(node, found).map(Self::Only),
            Value::Scalar(_) | Value::Map(_) => {
                found
                    .error("scenario::wrong_kind", node.span, "this must be `all` or a list")
                    .help("write `all`, or a list such as `[first, second]`");
                None
            }
        }
    }
    fn schema() -> Json {
        json!({ "anyOf": [{ "const": "all" }, Vec::<T>::schema()] })
    }
}

/// A mapping with fixed keys.
pub(crate) trait Record {
    /// Whether the key was given, well-formed or not: a key that was ill-formed is a finding already.
    fn has(&self, key: &str) -> bool;
}

/// The entries of a node that must be a mapping.
pub(crate) fn entries<'a>(node: &'a Node, found: &mut Findings) -> Option<&'a [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        Value::Scalar(_) if node.is_null() => Some(&[]),
        Value::Scalar(_) | Value::List(_) => {
            found.error(
                "scenario::wrong_kind",
                node.span,
                format!("this must be a mapping with keys, and it is {}", node.kind()),
            );
            None
        }
    }
}

pub(crate) fn duplicate(name: &str, span: Span, found: &mut Findings) {
    found
        .error("scenario::duplicate", span, format!("`{name}` is here twice"))
        .label("the second one")
        .help("remove one of the two, or give it another name");
}

/// The fields of one mapping while it is read.
pub(crate) struct Fields<'a> {
    span: Span,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Opens a mapping that may have `known` keys; others and doubles are findings.
    pub(crate) fn open(node: &'a Node, known: &[&str], found: &mut Findings) -> Option<Self> {
        let entries = entries(node, found)?;
        for (at, Entry { key, .. }) in entries.iter().enumerate() {
            if !known.contains(&key.value.as_str()) {
                unknown_key(key, known, found);
            } else if entries[..at].iter().any(|earlier| earlier.key.value == key.value) {
                duplicate(&key.value, key.span, found);
            }
        }
        Some(Self { span: node.span, entries })
    }

    /// Every key that is given, well-formed or not.
    pub(crate) fn given(&self) -> Vec<String> {
        let given = self.entries.iter().filter(|entry| !entry.value.is_null());
        given.map(|entry| entry.key.value.clone()).collect()
    }

    /// A field that may be left out.
    pub(crate) fn optional<T: Field>(&self, key: &str, found: &mut Findings) -> Option<Spanned<T>> {
        let entry = self.entries.iter().find(|entry| entry.key.value == key)?;
        if entry.value.is_null() {
            return None;
        }
        Spanned::read(&entry.value, found)
    }

    /// A field that must be there.
    pub(crate) fn required<T: Field>(&self, key: &str, found: &mut Findings) -> Option<Spanned<T>> {
        match self.entries.iter().find(|entry| entry.key.value == key) {
            None => {}
            Some(entry) if entry.value.is_null() => {
                found
                    .error("scenario::missing_key", entry.key.span, format!("key `{key}` has no value"))
                    .help(format!("write `{key}: ...`"));
                return None;
            }
            Some(_) => return self.optional(key, found),
        }
        found
            .error("scenario::missing_key", self.span, format!("key `{key}` is missing"))
            .label("in this mapping")
            .help(format!("add `{key}: ...`"));
        None
    }
}

pub(crate) fn unknown_key(key: &Spanned<String>, known: &[&str], found: &mut Findings) {
    found
        .error("scenario::unknown_key", key.span, format!("key `{}` is not known", key.value))
        .help(nearest(&key.value, known.iter().copied()));
}

/// Reads a word of a fixed list.
pub(crate) fn word<T: Copy>(node: &Node, words: &[(&'static str, T)], found: &mut Findings) -> Option<T> {
    let scalar = scalar(node, "a word", found)?;
    if let Some((_, value)) = words.iter().find(|(name, _)| *name == scalar.text) {
        return Some(*value);
    }
    found
        .error("scenario::unknown_word", node.span, format!("`{}` is not known here", scalar.shown))
        .help(nearest(&scalar.shown, words.iter().map(|(name, _)| *name)));
    None
}

/// The one entry of a mapping that chooses among `known` keys. When the file chose one and an override another, the
/// override wins.
pub(crate) fn chosen<'a>(node: &'a Node, known: &[&str], found: &mut Findings) -> Option<&'a Entry> {
    let names = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let Value::Map(entries) = &node.value else {
        found
            .error(
                "scenario::wrong_kind",
                node.span,
                format!("this must be a mapping with one key, and it is {}", node.kind()),
            )
            .help(format!("the key is one of {}", names()));
        return None;
    };
    for entry in entries.iter().filter(|entry| !known.contains(&entry.key.value.as_str())) {
        unknown_key(&entry.key, known, found);
    }
    let of_file: Vec<_> = entries.iter().filter(|entry| known.contains(&entry.key.value.as_str())).collect();
    let overriding: Vec<_> = of_file.iter().copied().filter(|entry| entry.key.span.is_override()).collect();
    match (of_file.as_slice(), overriding.as_slice()) {
        ([only], _) | (_, [only]) => Some(only),
        ([], _) if !entries.is_empty() => None,
        (several, _) => {
            let span = several.get(1).map_or(node.span, |second| second.key.span);
            found
                .error(
                    "scenario::not_one",
                    span,
                    format!("exactly one key belongs here, not {}", several.len()),
                )
                .help(format!("choose one of {}", names()));
            None
        }
    }
}

/// A mapping with fixed keys: `"key" field: required|optional Type = "what it is"`.
macro_rules! record {
    ($(#[doc = $about:literal])+ $name:ident { $( $key:literal $field:ident: $need:ident $kind:ty = $doc:literal, )* }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub(crate) struct $name {
            given: Vec<String>,
            $( #[doc = $doc] pub(crate) $field: Option<$crate::source::Spanned<$kind>>, )*
        }
        impl $crate::field::Record for $name {
            fn has(&self, key: &str) -> bool {
                self.given.iter().any(|given| given == key)
            }
        }
        impl $crate::field::Field for $name {
            fn read(node: &$crate::tree::Node, found: &mut $crate::problem::Findings) -> Option<Self> {
                let fields = $crate::field::Fields::open(node, &[$($key),*], found)?;
                Some(Self { given: fields.given(), $( $field: fields.$need($key, found), )* })
            }
            fn schema() -> serde_json::Value {
                $crate::schema::object(
                    concat!($($about),+),
                    vec![ $( ($key, stringify!($need) == "required", $doc, <$kind>::schema()), )* ],
                )
            }
        }
    };
}

/// A mapping with exactly one key of several: an externally tagged enum.
macro_rules! choice {
    ($(#[doc = $about:literal])+ $name:ident { $( $key:literal $variant:ident($kind:ty) = $doc:literal, )+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub(crate) enum $name {
            $( #[doc = $doc] $variant($kind), )+
        }
        impl $crate::field::Field for $name {
            fn read(node: &$crate::tree::Node, found: &mut $crate::problem::Findings) -> Option<Self> {
                let entry = $crate::field::chosen(node, &[$($key),+], found)?;
                match entry.key.value.as_str() {
                    $( $key => <$kind>::read(&entry.value, found).map(Self::$variant), )+
                    _ => None,
                }
            }
            fn schema() -> serde_json::Value {
                $crate::schema::choice(
                    concat!($($about),+),
                    vec![ $( ($key, $doc, <$kind>::schema()), )+ ],
                )
            }
        }
    };
}

/// A fixed list of words, each standing for a value.
macro_rules! words {
    ($kind:ty { $( $word:literal => $value:expr ),+ $(,)? }) => {
        impl $crate::field::Field for $kind {
            fn read(node: &$crate::tree::Node, found: &mut $crate::problem::Findings) -> Option<Self> {
                $crate::field::word(node, &[$( ($word, $value) ),+], found)
            }
            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),+] })
            }
        }
    };
}

pub(crate) use {choice, record, words};
