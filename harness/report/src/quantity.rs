//! Cells of tables: what [`words`](shakedown_check::words) does not say, and texts made harmless.

use shakedown_check::result::Figure;
pub(crate) use shakedown_check::words::{TOO_FEW, count, counted, stat as stat_value, time};
use shakedown_model::gate::Stat;

/// What a cell says when there are no samples.
pub(crate) const NO_SAMPLES: &str = "–";

/// One statistic of a figure; a figure without samples has none.
pub(crate) fn stat(figure: &Figure, stat: Stat) -> String {
    if figure.count == 0 { NO_SAMPLES.to_owned() } else { stat_value(figure.stat(stat)) }
}

/// `value` as a float for charts and texts; exact below 2^53 (104 days in nanoseconds).
pub(crate) fn as_f64(value: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "charts and three-digit texts do not show the 53rd bit")]
    let value = value as f64;
    value
}

/// `text` on one line: control characters (escape sequences for a terminal, characters that XML forbids) become `�`.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() || is_bidi_control(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// `text` with a capital at its beginning.
pub(crate) fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_do_not_pass() {
        assert_eq!(plain("a\u{1b}[31mb\nc\u{202e}"), "a\u{fffd}[31mb c\u{fffd}");
    }
}
