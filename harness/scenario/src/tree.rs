//! YAML as a tree in which every node knows where it was written.
//!
//! Scalars stay text: what they mean is decided where they are read. Tags are refused, aliases are expanded.

use std::collections::BTreeMap;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError};

use crate::env::{self, Lookup, Replaced};
use crate::problem::Findings;
use crate::source::{Span, Spanned};

/// The most nodes that one text may have, aliases expanded, so that a small file cannot fill the memory.
const MAX_NODES: usize = 100_000;

/// A value of a YAML document.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A text, with references to the environment replaced.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// The text as messages show it: as it was written, so that no value of the environment is printed.
    pub(crate) shown: String,
    pub(crate) is_plain: bool,
    /// The text could not be had, which is a finding already: whoever reads it stays silent.
    pub(crate) is_broken: bool,
    /// Where the text begins in its source, when it stands there unchanged.
    pub(crate) starts: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Spanned<String>,
    pub(crate) value: Node,
}

impl Node {
    /// Whether the node is YAML's null, which counts as "not given".
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar)
            if scalar.is_plain && !scalar.is_broken && matches!(scalar.text.as_str(), "" | "~" | "null"))
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
            }
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// What kind of value this is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(_) if self.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads `text`, the source numbered `source`. `None` when it is not YAML at all; that is then a finding.
pub(crate) fn parse(source: usize, text: &str, lookup: Lookup<'_>, found: &mut Findings) -> Option<Node> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder {
        source,
        text,
        lookup,
        found,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
        nodes: 0,
    };
    for next in parser {
        match next {
            Ok((event, span)) => builder.take(&event, span)?,
            Err(error) => {
                builder.syntax(&error);
                return None;
            }
        }
    }
    builder.root
}

/// A collection that has begun and not yet ended.
struct Open {
    span: Span,
    anchor: usize,
    value: Value,
    key: Option<Spanned<String>>,
}

struct Builder<'a> {
    source: usize,
    text: &'a str,
    lookup: Lookup<'a>,
    found: &'a mut Findings,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: &Event<'_>, span: granit_parser::Span) -> Option<()> {
        let span = self.span(span);
        if event.tag().is_some() {
            self.found
                .error("scenario::tag", span, "YAML tags are not part of a scenario")
                .help("remove the tag: what a value is follows from its key");
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let node = self.scalar(text, *style, span);
                self.put(node, *anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(span, *anchor, Value::List(Vec::new())),
            Event::MappingStart(_, anchor, _) => self.begin(span, *anchor, Value::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop().expect("the parser pairs starts and ends");
                let span = whole_span(&open);
                self.put(Node { span, value: open.value }, open.anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(anchor).cloned() else {
                    self.found.error(
                        "scenario::alias",
                        span,
                        "an alias cannot be part of what it stands for",
                    );
                    return None;
                };
                self.nodes += count(&node);
                self.put(node, 0)
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.found.error(
                    "scenario::syntax",
                    span,
                    "a scenario is one YAML document; a second one begins",
                );
                None
            }
            _ => Some(()),
        }
    }

    fn span(&self, span: granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span { source: self.source, start: range.start, end: range.end }
    }

    fn begin(&mut self, span: Span, anchor: usize, value: Value) -> Option<()> {
        self.open.push(Open { span, anchor, value, key: None });
        Some(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Node {
        let written = self.text.get(span.start..span.end).unwrap_or_default();
        let starts = written.find(text).filter(|_| !text.is_empty()).map(|at| span.start + at);
        let is_plain = style == ScalarStyle::Plain;
        let is_key = matches!(self.open.last(), Some(Open { value: Value::Map(_), key: None, .. }));
        let replaced =
            if is_key { Replaced::Unchanged } else { env::replace(text, span, self.lookup, self.found) };
        let shown = text.to_owned();
        let scalar = match replaced {
            Replaced::Unchanged => Scalar { text: shown.clone(), shown, is_plain, is_broken: false, starts },
            Replaced::Changed(text) => Scalar { text, shown, is_plain, is_broken: false, starts: None },
            Replaced::Broken => {
                Scalar { text: String::new(), shown, is_plain, is_broken: true, starts: None }
            }
        };
        Node { span, value: Value::Scalar(scalar) }
    }

    fn put(&mut self, node: Node, anchor: usize) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("a scenario has at most {MAX_NODES} values, aliases expanded");
            self.found.error("scenario::too_big", node.span, message);
            return None;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { value: Value::List(list), .. }) => list.push(node),
            Some(Open { value: Value::Map(entries), key, .. }) => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                None => match node.value {
                    Value::Scalar(scalar) => *key = Some(Spanned { value: scalar.text, span: node.span }),
                    Value::List(_) | Value::Map(_) => {
                        self.found.error("scenario::syntax", node.span, "a key must be a single word");
                        return None;
                    }
                },
            },
            Some(Open { value: Value::Scalar(_), .. }) => unreachable!("only collections are opened"),
        }
        Some(())
    }

    fn syntax(&mut self, error: &ScanError) {
        let marker = error.marker();
        let start = marker
            .byte_offset()
            .or_else(|| self.text.char_indices().nth(marker.index()).map(|(at, _)| at))
            .unwrap_or(self.text.len());
        let span = Span { source: self.source, start, end: start };
        self.found
            .error("scenario::syntax", span, format!("not valid YAML: {}", error.info()))
            .help("check the indentation, and quote texts that contain `: `, ` #` or begin with a special character");
    }
}

/// A collection is marked by its first bracket, or by its first key where it has no bracket.
fn whole_span(open: &Open) -> Span {
    if open.span.end > open.span.start {
        return open.span;
    }
    match &open.value {
        Value::Map(entries) => entries.first().map_or(open.span, |entry| entry.key.span),
        Value::List(nodes) => nodes.first().map_or(open.span, |node| node.span),
        Value::Scalar(_) => open.span,
    }
}

fn count(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::List(nodes) => 1 + nodes.iter().map(count).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| count(&entry.value)).sum::<usize>(),
    }
}
