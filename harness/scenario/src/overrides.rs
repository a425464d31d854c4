//! `--set key=value`: changes of the tree before anything is read from it.
//!
//! A path has dots between its steps. A step into a mapping is a key, which may be one that the file leaves out; a
//! step into a list is an index from 0, or the name of one of its elements (`name`, `group`, or its only key).

use crate::env::Lookup;
use crate::problem::{Findings, nearest};
use crate::source::{Sources, Span, Spanned};
use crate::tree::{self, Entry, Node, Value};

/// The name under which overrides appear in problems.
pub(crate) const SOURCE_NAME: &str = "--set";

/// Overrides of a scenario's values, in the order in which they are applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(Vec<String>);

impl Overrides {
    /// No overrides.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `key=value`, such as `watchers.legacy.count=50`. The value is YAML, and may refer to `${env:NAME}`.
    pub fn set(&mut self, assignment: impl Into<String>) -> &mut Self {
        self.0.push(assignment.into());
        self
    }

    /// The same, to be chained.
    #[must_use]
    pub fn with(mut self, assignment: impl Into<String>) -> Self {
        self.set(assignment);
        self
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies every override to `root`.
    pub(crate) fn apply(
        &self,
        root: &mut Node,
        sources: &mut Sources,
        lookup: Lookup<'_>,
        found: &mut Findings,
    ) {
        for assignment in &self.0 {
            let source = sources.add(SOURCE_NAME, assignment);
            apply(root, source, assignment, lookup, found);
        }
    }

    /// A comment block that names every override, for the copy of the scenario in a run directory.
    pub(crate) fn as_comment(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let lines: String = self
            .0
            .iter()
            .map(|assignment| format!("#   {SOURCE_NAME} {}\n", assignment.replace(['\n', '\r'], "\n#     ")))
            .collect();
        format!("\n# This run had these overrides, which are not in the text above:\n{lines}")
    }
}

impl<T: Into<String>> FromIterator<T> for Overrides {
    fn from_iter<I: IntoIterator<Item = T>>(assignments: I) -> Self {
        Self(assignments.into_iter().map(Into::into).collect())
    }
}

fn apply(root: &mut Node, source: usize, assignment: &str, lookup: Lookup<'_>, found: &mut Findings) {
    let whole = Span { source, start: 0, end: assignment.len() };
    let Some((path, text)) = assignment.split_once('=').filter(|(path, _)| !path.trim().is_empty()) else {
        found
            .error("scenario::bad_override", whole, "an override is `key=value`")
            .help("such as `--set watchers.legacy.count=50`");
        return;
    };
    // The value is parsed at its own place in the text, so that its spans fit; the path is blanked out before it.
    let padded = format!("{}{text}", " ".repeat(path.len() + 1));
    let Some(value) = tree::parse(source, if text.trim().is_empty() { "~" } else { &padded }, lookup, found)
    else {
        return;
    };
    let mut steps = Vec::new();
    let mut at = 0;
    for step in path.split('.') {
        steps.push(Spanned { value: step.to_owned(), span: whole.part(0, at, step.len()) });
        at += step.len() + 1;
    }
    let mut node = root;
    for step in &steps {
        match descend(node, step, found) {
            Some(next) => node = next,
            None => return,
        }
    }
    *node = value;
}

/// The node one step down, made where a mapping has no such key yet (whether there can be one, reading tells).
fn descend<'a>(node: &'a mut Node, step: &Spanned<String>, found: &mut Findings) -> Option<&'a mut Node> {
    if node.is_null() {
        node.value = Value::Map(Vec::new());
    }
    match &mut node.value {
        Value::Map(entries) => {
            let at = entries.iter().position(|entry| entry.key.value == step.value).unwrap_or_else(|| {
                let value = Node { span: step.span, value: Value::Map(Vec::new()) };
                entries.push(Entry { key: step.clone(), value });
                entries.len() - 1
            });
            // What was written on the command line is what problems point at and what wins a choice.
            entries[at].key.span = step.span;
            Some(&mut entries[at].value)
        }
        Value::List(nodes) => {
            let names: Vec<_> = nodes.iter().map(name_of).collect();
            let at = names
                .iter()
                .position(|name| name.as_deref() == Some(step.value.as_str()))
                .or_else(|| step.value.parse().ok().filter(|at| *at < nodes.len()));
            match at {
                Some(at) => {
                    let element = &mut nodes[at];
                    // What is chosen by its only key is the value of that key.
                    if only_key(element) == Some(step.value.as_str()) {
                        descend(element, step, found)
                    } else {
                        Some(element)
                    }
                }
                None => {
                    let known: Vec<_> = names.iter().flatten().map(String::as_str).collect();
                    let help = if known.is_empty() {
                        format!("the list has {} elements; the first is `0`", names.len())
                    } else {
                        nearest(&step.value, known)
                    };
                    found
                        .error(
                            "scenario::unknown_path",
                            step.span,
                            format!("the list has no element `{}`", step.value),
                        )
                        .help(help);
                    None
                }
            }
        }
        Value::Scalar(_) => {
            found
                .error(
                    "scenario::unknown_path",
                    step.span,
                    format!("there is no `{}`: what is before it is a single value", step.value),
                )
                .help("end the path one step earlier");
            None
        }
    }
}

/// What an element of a list is called.
fn name_of(node: &Node) -> Option<String> {
    let named = ["name", "group"].iter().find_map(|key| node.get(key)?.text());
    named.or_else(|| only_key(node)).map(ToOwned::to_owned)
}

fn only_key(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Map(entries) if entries.len() == 1 => Some(&entries[0].key.value),
        Value::Map(_) | Value::List(_) | Value::Scalar(_) => None,
    }
}
