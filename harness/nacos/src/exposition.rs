//! The text format in which a server tells its metrics (Prometheus exposition format 0.0.4), read strictly.
//!
//! Only samples are read: comments (`# HELP`, `# TYPE`) and time stamps are passed over. A line that is no sample makes
//! the whole text unreadable, because half a text would make sums that are too small.

/// One sample: a name, labels and a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample<'a> {
    /// The metric's name.
    pub(crate) name: &'a str,
    /// Its labels in the order of the text, values as written (escapes are left alone).
    labels: Vec<(&'a str, &'a str)>,
    /// Its value; may be infinite or no number.
    pub(crate) value: f64,
}

impl Sample<'_> {
    /// Whether the sample bears each of these labels.
    pub(crate) fn bears(&self, wanted: &[(&str, &str)]) -> bool {
        wanted.iter().all(|wanted| self.labels.contains(wanted))
    }
}

/// A line is no sample.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the metrics is no sample: `{text}`")]
pub(crate) struct BadSample {
    line: usize,
    text: String,
}

/// Reads every sample of a text.
pub(crate) fn samples(text: &str) -> Result<Vec<Sample<'_>>, BadSample> {
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, text)| {
            sample(text).ok_or_else(|| BadSample { line, text: text.chars().take(120).collect() })
        })
        .collect()
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let mut fields = rest.split_whitespace();
    let value = number(fields.next()?)?;
    // A time stamp may follow, in milliseconds.
    let is_rest_well =
        fields.next().is_none_or(|stamp| stamp.parse::<i64>().is_ok()) && fields.next().is_none();
    (is_name(name) && is_rest_well).then_some(Sample { name, labels, value })
}

/// The labels after `{`, and what follows `}`. A comma before `}` is allowed.
fn labels(mut rest: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start().strip_prefix('"')?;
        let end = end_of_quoted(after)?;
        labels.push((Some(name.trim()).filter(|name| is_name(name))?, &after[..end]));
        rest = after[end + 1..].trim_start();
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.starts_with('}') => rest,
            None => return None,
        };
    }
}

/// Where the quote stands that ends a label's value; a backslash takes the next character with it.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end.then_some(at)
    })
}

fn is_name(text: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    text.starts_with(is_start) && text.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

fn number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_names_labels_and_values() {
        let text = "# HELP a says\n# TYPE a gauge\na 1.5\nb{x=\"1\",y=\"two, } \\\" 2\",} 3.0E7 1795284197835\n\nc NaN\nd{} -Inf\n";
        let samples = samples(text).unwrap();
        let names: Vec<_> = samples.iter().map(|sample| sample.name).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!((samples[0].value, samples[1].value), (1.5, 3.0e7));
        assert!(samples[1].bears(&[("x", "1")]) && samples[1].bears(&[("y", "two, } \\\" 2")]));
        assert!(!samples[1].bears(&[("x", "2")]) && samples[0].bears(&[]));
        assert!(samples[2].value.is_nan() && samples[3].value.is_infinite());
    }

    #[test]
    fn a_line_that_is_no_sample_spoils_the_text() {
        for bad in [
            "a",
            "a b",
            "1a 2",
            "a{x=1} 2",
            "a{x=\"1\" 2",
            "a{x=\"1\"y=\"2\"} 3",
            "a 1 2 3",
            "a 1 soon",
            "{} 1",
            "a{1=\"x\"} 2",
            "a inf",
        ] {
            let error = samples(&format!("ok 1\n{bad}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{bad}");
        }
        assert!(samples("<!doctype html><html>").is_err());
    }
}
