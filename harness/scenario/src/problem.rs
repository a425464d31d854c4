//! What is wrong with a scenario: collected while it is read, rendered with the lines it is about.

use std::fmt;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity, SourceCode,
    SourceSpan,
};

use shakedown_model::secrets::Secrets;

use crate::source::{Sources, Span};

/// No message or advice is longer than this; the place beside it shows the rest.
const MESSAGE_CHARS: usize = 600;

/// One problem, or one warning, and the place that it is about.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static str,
    message: String,
    label: String,
    help: Option<String>,
    severity: Severity,
    place: Option<(Arc<NamedSource<String>>, SourceSpan)>,
}

impl Problem {
    /// The kind of problem, such as `scenario::unknown_key`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What to do about it, if there is advice.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The file, or `--set` with its number, that the problem is in.
    #[must_use]
    pub fn source_name(&self) -> Option<&str> {
        self.place.as_ref().map(|(source, _)| source.name())
    }

    /// The line of the problem, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        let (source, span) = self.place.as_ref()?;
        let before = source.inner().get(..span.offset())?;
        Some(before.matches('\n').count() + 1)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|(source, _)| source.as_ref() as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.place.as_ref()?;
        let label = LabeledSpan::new_with_span(Some(self.label.clone()), *span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Every problem of a scenario (or every warning), in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// Each problem with its code, its line and what to do. In colour with box-drawing characters for a terminal,
    /// else in plain ASCII.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_links(false).with_width(80).with_context_lines(1);
        let mut text = String::new();
        for problem in &self.0 {
            handler.render_report(&mut text, problem).expect("writing into a string does not fail");
            text.push('\n');
        }
        text
    }

    pub(crate) fn one(code: &'static str, message: String, help: &str) -> Self {
        Self(vec![Problem {
            code,
            message,
            label: String::new(),
            help: Some(help.to_owned()),
            severity: Severity::Error,
            place: None,
        }])
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// A problem while the sources are still being read.
#[derive(Debug)]
struct Finding {
    severity: Severity,
    code: &'static str,
    span: Span,
    message: String,
    label: String,
    help: Option<String>,
}

/// Collects problems and warnings, and the values that none of them may show.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Finding>,
    pub(crate) secrets: Secrets,
}

impl Findings {
    /// Adds a problem; [`Note::help`] and [`Note::label`] say more.
    pub(crate) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Note<'_> {
        self.add(Severity::Error, code, span, message.into())
    }

    /// Adds a warning.
    pub(crate) fn warn(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Note<'_> {
        self.add(Severity::Warning, code, span, message.into())
    }

    fn add(&mut self, severity: Severity, code: &'static str, span: Span, message: String) -> Note<'_> {
        self.found.push(Finding { severity, code, span, message, label: "here".to_owned(), help: None });
        Note(self.found.last_mut().expect("a finding was just added"))
    }

    /// Whether anything forbids the scenario.
    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The problems and the warnings, each in the order of the file.
    pub(crate) fn finish(mut self, sources: &Sources) -> (Problems, Problems) {
        self.found.sort_by_key(|finding| (finding.span, finding.code));
        self.found.dedup_by(|a, b| a.span == b.span && a.message == b.message);
        let (errors, warnings): (Vec<_>, Vec<_>) =
            self.found.into_iter().partition(|finding| finding.severity == Severity::Error);
        let placed = |findings: Vec<Finding>| {
            Problems(findings.into_iter().map(|finding| finding.placed(sources, &self.secrets)).collect())
        };
        (placed(errors), placed(warnings))
    }
}

/// The finding just added, to say more about it.
pub(crate) struct Note<'a>(&'a mut Finding);

impl Note<'_> {
    /// What to do about it.
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// The text under the marked place.
    pub(crate) fn label(self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }
}

impl Finding {
    fn placed(self, sources: &Sources, secrets: &Secrets) -> Problem {
        let source = sources.get(self.span.source);
        // An empty span at the very end of a text has no line that could be shown; step back onto the last one.
        let last = source.inner().len().saturating_sub(1);
        let start = self.span.start.min(last);
        let len = self.span.end.saturating_sub(self.span.start).min(source.inner().len() - start);
        Problem {
            code: self.code,
            message: inert(&secrets.redact(&self.message)),
            label: self.label,
            help: self.help.as_deref().map(|help| inert(&secrets.redact(help))),
            severity: self.severity,
            place: Some((source, SourceSpan::from((start, len)))),
        }
    }
}

/// A text that quotes what was written: control characters shown, not obeyed by a terminal, and cut where nobody reads on.
fn inert(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(MESSAGE_CHARS) {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(MESSAGE_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}

/// The advice "did you mean X?", or the list of what is known.
pub(crate) fn nearest<K: AsRef<str>>(word: &str, known: impl IntoIterator<Item = K>) -> String {
    let known: Vec<K> = known.into_iter().collect();
    let best = known
        .iter()
        .map(AsRef::as_ref)
        .map(|candidate| {
            (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .min();
    match best {
        Some((distance, candidate)) if distance <= 1 + candidate.len() / 4 => {
            format!("did you mean `{candidate}`?")
        }
        Some(_) => {
            let names: Vec<_> = known.iter().map(|name| format!("`{}`", name.as_ref())).collect();
            format!("known here: {}", names.join(", "))
        }
        None => "nothing is known here".to_owned(),
    }
}
