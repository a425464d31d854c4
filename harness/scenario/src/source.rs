//! Where a value was written: the scenario file, or one override of the command line.

use std::sync::Arc;

use miette::NamedSource;

/// Bytes `start..end` of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// 0 is the file, n the n-th override.
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// Whether the value was written on the command line.
    pub(crate) const fn is_override(self) -> bool {
        self.source > 0
    }

    /// The part of this span that begins `from` bytes after `start` and is `len` bytes long.
    pub(crate) const fn part(self, start: usize, from: usize, len: usize) -> Self {
        Self { source: self.source, start: start + from, end: start + from + len }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// Every text that a scenario came from.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Arc<NamedSource<String>>>);

impl Sources {
    /// Adds a text; its number is that of the spans in it.
    pub(crate) fn add(&mut self, name: &str, text: &str) -> usize {
        self.0.push(Arc::new(NamedSource::new(name, text.to_owned())));
        self.0.len() - 1
    }

    pub(crate) fn get(&self, source: usize) -> Arc<NamedSource<String>> {
        Arc::clone(&self.0[source])
    }
}
