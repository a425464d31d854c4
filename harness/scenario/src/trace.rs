//! Recorded arrivals: a CSV file with lines `offset` or `offset,item`.
//!
//! An offset counts from the run's start: a time such as `1.5s`, or a plain number of seconds. An item is its number,
//! shared ones first. A first line `offset` or `offset,item` is a heading; blank lines and those that begin with `#`
//! are passed over.

use std::time::Duration;

use shakedown_model::plan::TracePoint;
use shakedown_model::{ItemId, Offset};

use crate::quantity;

/// The most lines that one trace may have: it becomes part of the plan, which every run directory holds.
pub(crate) const MOST_POINTS: usize = 100_000;
/// After so many ill-formed lines the rest is not read.
const MOST_PROBLEMS: usize = 5;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) help: String,
}

/// Reads the arrivals of a run with `items` items.
pub(crate) fn parse(text: &str, items: u32) -> Result<Vec<TracePoint>, Vec<BadLine>> {
    let mut points = Vec::new();
    let mut problems = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.trim();
        let is_heading = line == 1 && text.split(',').next().is_some_and(|word| word.trim() == "offset");
        if text.is_empty() || text.starts_with('#') || is_heading {
            continue;
        }
        match point(text, items) {
            Ok(_) if points.len() == MOST_POINTS => {
                let message = format!("there are more than {MOST_POINTS} lines");
                problems.push(BadLine { line, message, help: "split the trace, or thin it out".to_owned() });
                break;
            }
            Ok(point) => points.push(point),
            Err((message, help)) => problems.push(BadLine { line, message, help }),
        }
        if problems.len() == MOST_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() && points.is_empty() {
        let (message, help) = ("it has no arrivals", "write one line for each, such as `1.5s` or `1.5s,3`");
        problems.push(BadLine { line: 1, message: message.to_owned(), help: help.to_owned() });
    }
    if problems.is_empty() { Ok(points) } else { Err(problems) }
}

fn point(text: &str, items: u32) -> Result<TracePoint, (String, String)> {
    const SHAPE: &str = "a line is `offset` or `offset,item`, such as `1.5s` or `1.5s,3`";
    let mut words = text.split(',').map(str::trim);
    let (offset, item) = (words.next().unwrap_or_default(), words.next());
    if words.next().is_some() {
        return Err((format!("`{text}` has more than two columns"), SHAPE.to_owned()));
    }
    let at = offset_of(offset).ok_or_else(|| (format!("`{offset}` is not a time"), SHAPE.to_owned()))?;
    let item = match item {
        None | Some("") => None,
        Some(word) => {
            let number = word.parse().ok().filter(|_| word.bytes().all(|byte| byte.is_ascii_digit()));
            let number: u32 = number.ok_or_else(|| (format!("`{word}` is not an item"), SHAPE.to_owned()))?;
            if number >= items {
                let help =
                    format!("the items of this scenario are numbered 0 to {}", items.saturating_sub(1));
                return Err((format!("there is no item {number}"), help));
            }
            Some(ItemId(number))
        }
    };
    Ok(TracePoint { at, item })
}

fn offset_of(word: &str) -> Option<Offset> {
    let time = match word.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= quantity::LONGEST)?,
        Err(_) => quantity::time(word).ok()?,
    };
    Some(Offset::ZERO + time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64, item: Option<u32>) -> TracePoint {
        TracePoint { at: Offset::from_millis(millis), item: item.map(ItemId) }
    }

    #[test]
    fn lines_are_offsets_with_or_without_an_item() {
        let text = "offset,item\n# recorded\n1.5s,3\r\n\n250ms\n2, 0\n3.25,\n";
        let points = parse(text, 4).unwrap();
        assert_eq!(points, [at(1500, Some(3)), at(250, None), at(2000, Some(0)), at(3250, None)]);
    }

    #[test]
    fn bad_lines_are_numbered_and_say_what_to_write() {
        let problems = parse("1s\nsoon\n2s,9\n3s,x\n4s,1,2\n-1", 4).unwrap_err();
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
        assert_eq!(problems[0].message, "`soon` is not a time");
        assert!(problems[1].help.contains("0 to 3"), "{problems:?}");
        assert!(parse("# nothing\n", 4).unwrap_err()[0].message.contains("no arrivals"));
    }

    #[test]
    fn there_is_an_end_to_lines_and_to_problems() {
        assert_eq!(parse(&"x\n".repeat(1000), 4).unwrap_err().len(), MOST_PROBLEMS);
        let long = parse(&"1s\n".repeat(MOST_POINTS + 1), 4).unwrap_err();
        assert_eq!((long.len(), long[0].line), (1, MOST_POINTS + 1));
    }
}
