//! One line of what the doctor found.

use console::Style;

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

/// A thing, how it stands, what was found, and what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    name: &'static str,
    found: String,
    change: Option<String>,
}

impl Finding {
    pub(super) fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, name, found: found.into(), change: None }
    }

    pub(super) fn warn(name: &'static str, found: impl Into<String>, change: impl Into<String>) -> Self {
        Self { level: Level::Warn, name, found: found.into(), change: Some(change.into()) }
    }

    pub(super) fn fail(name: &'static str, found: impl Into<String>, change: impl Into<String>) -> Self {
        Self { level: Level::Fail, name, found: found.into(), change: Some(change.into()) }
    }

    /// The line, and below it what to change.
    pub(super) fn lines(&self, is_coloured: bool) -> String {
        let (word, style) = match self.level {
            Level::Ok => ("ok", Style::new().green()),
            Level::Warn => ("warn", Style::new().yellow()),
            Level::Fail => ("fail", Style::new().red().bold()),
        };
        let word = style.force_styling(is_coloured).apply_to(format!("{word:<5}"));
        let line = format!("{word} {:<16} {}", self.name, self.found);
        match &self.change {
            Some(change) => format!("{line}\n{:22} → {change}", ""),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_change_stands_below_what_was_found() {
        let finding = Finding::warn("conntrack", "71 % used", "raise it");
        assert_eq!(
            finding.lines(false),
            "warn  conntrack        71 % used\n                       → raise it"
        );
        assert_eq!(Finding::ok("cores", "2").lines(false), "ok    cores            2");
    }
}
