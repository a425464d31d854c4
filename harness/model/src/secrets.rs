//! Values that came from the environment, and texts without them.

mod secret;

use std::fmt;

pub use secret::{REDACTED, Secret};

/// A shorter value is not redacted: it would be found in half of all words, and is no secret.
pub const SHORTEST_SECRET: usize = 4;

/// The values that a scenario took from `${env:NAME}`: known to the process, and shown as the reference everywhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// (what is hidden, what stands in its place), longest first so that a value within another hides nothing of it.
    hidden: Vec<(String, String)>,
}

impl Secrets {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides the value of the variable `name`, as it is, and as URLs and JSON write it.
    pub fn hide(&mut self, name: &str, value: &str) {
        if value.len() < SHORTEST_SECRET {
            return;
        }
        let reference = format!("${{env:{name}}}");
        for form in [value.to_owned(), url_form(value, "%20"), url_form(value, "+"), json_form(value)] {
            if !self.hidden.iter().any(|(known, _)| *known == form) {
                self.hidden.push((form, reference.clone()));
            }
        }
        self.hidden.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Whether `text` has a value that must not be shown.
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        self.hidden.iter().any(|(value, _)| text.contains(value))
    }

    /// The text with `${env:NAME}` in place of every value.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut rest = text;
        // From left to right, so that what was put in place of a value is never read as a value itself.
        while let Some((at, (value, reference))) = self.first_in(rest) {
            redacted.push_str(&rest[..at]);
            redacted.push_str(reference);
            rest = &rest[at + value.len()..];
        }
        redacted.push_str(rest);
        redacted
    }

    fn first_in(&self, text: &str) -> Option<(usize, &(String, String))> {
        let found = self.hidden.iter().filter_map(|pair| Some((text.find(&pair.0)?, pair)));
        // Of two at one place the longer, which comes first, wins.
        found.min_by_key(|(at, _)| *at)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.hidden.len())
    }
}

/// The value as a URL or a form holds it (RFC 3986 §2.3: letters, digits and `-._~` stay).
fn url_form(value: &str, blank: &str) -> String {
    let mut form = String::new();
    for byte in value.bytes() {
        match byte {
            b' ' => form.push_str(blank),
            b'-' | b'.' | b'_' | b'~' => form.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => form.push(char::from(byte)),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                form.push('%');
                form.push(char::from(DIGITS[usize::from(byte >> 4)]));
                form.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
    form
}

/// The value within a JSON string or Rust's debug form.
fn json_form(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hiding(pairs: &[(&str, &str)]) -> Secrets {
        let mut secrets = Secrets::new();
        for (name, value) in pairs {
            secrets.hide(name, value);
        }
        secrets
    }

    #[test]
    fn every_form_of_a_value_is_hidden() {
        let secrets = hiding(&[("PASS", "p@ss \"wörd\"")]);
        for text in [
            "x p@ss \"wörd\" y",
            "q=p%40ss%20%22w%C3%B6rd%22",
            "q=p%40ss+%22w%C3%B6rd%22",
            r#"p@ss \"wörd\""#,
        ] {
            let redacted = secrets.redact(text);
            assert!(redacted.contains("${env:PASS}") && !redacted.contains("ss"), "{text} → {redacted}");
            assert!(secrets.are_in(text) && !secrets.are_in(&redacted));
        }
    }

    #[test]
    fn a_value_within_another_and_within_a_reference_is_no_trap() {
        let secrets = hiding(&[("SHORT", "word"), ("LONG", "password"), ("PASSWORD", "LONG")]);
        assert_eq!(secrets.redact("password, word"), "${env:LONG}, ${env:SHORT}");
        assert_eq!(secrets.redact("LONG"), "${env:PASSWORD}");
    }

    #[test]
    fn what_is_too_short_stays_and_debug_says_nothing() {
        let secrets = hiding(&[("N", "20"), ("P", "hunter2")]);
        assert_eq!(secrets.redact("20 hunter2"), "20 ${env:P}");
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
