//! The end of a log, as it stands in messages.

/// The last `most` lines of a log that are not blank, each but the first indented by four spaces; empty when there are
/// none. What is not UTF-8 is replaced.
#[must_use]
pub fn tail(log: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(most)..].join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_that_say_something() {
        assert_eq!(tail(b"one\n\ntwo\n  \nthree\n", 2), "two\n    three");
        assert_eq!(tail(b"one", 2), "one");
        assert_eq!(tail(b"\n  \n", 2), "");
        assert_eq!(tail(b"\xff", 1), "\u{fffd}");
    }
}
