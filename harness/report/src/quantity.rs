//! Numbers as people read them: three significant digits, the unit that suits, grouped thousands.

use shakedown_check::result::{Figure, StatValue};
use shakedown_model::gate::Stat;

/// What a cell says when there are no samples.
pub(crate) const NO_SAMPLES: &str = "–";
/// What a cell says when a quantile has too few samples beyond it.
pub(crate) const TOO_FEW: &str = "n too small";

/// A time in ns, µs, ms, s or min with three significant digits.
pub(crate) fn time(ns: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
    let value = as_f64(ns);
    if value >= 600e9 {
        return format!("{} min", significant(value / 60e9));
    }
    let mut best = UNITS[0];
    for unit in UNITS {
        // 999.6 µs would print as 1000 µs; it is 1 ms.
        if value >= unit.0 * 0.9995 {
            best = unit;
        }
    }
    format!("{} {}", significant(value / best.0), best.1)
}

/// A share between 0 and 1 as a percentage.
pub(crate) fn share(share: f64) -> String {
    format!("{} %", significant(share * 100.0))
}

/// A count with commas between thousands.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun, in the plural where it needs one.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    let (stem, end) = match noun {
        "loss of connection" => ("losses of connection", ""),
        _ if noun.ends_with("sh") || noun.ends_with("ch") => (noun, "es"),
        _ => (noun, "s"),
    };
    if n == 1 { format!("1 {noun}") } else { format!("{} {stem}{end}", count(n)) }
}

/// One value of a distribution.
pub(crate) fn stat_value(value: StatValue) -> String {
    match value {
        StatValue::Time(ns) => time(ns),
        StatValue::LaterThan(ns) => format!("> {}", time(ns)),
        StatValue::Share(value) => share(value),
        StatValue::TooFew => TOO_FEW.to_owned(),
    }
}

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

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

fn significant(value: f64) -> String {
    let decimals = if value >= 99.95 || value == 0.0 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_the_unit_that_suits() {
        let shown: Vec<String> = [
            0,
            850,
            1_000,
            12_345,
            999_600,
            70_120_000,
            131_400_000,
            1_000_000_000,
            20_000_000_000,
            83_440_000_000,
            599_000_000_000,
            1_200_000_000_000,
        ]
        .map(time)
        .to_vec();
        assert_eq!(
            shown,
            [
                "0 ns", "850 ns", "1 µs", "12.3 µs", "1 ms", "70.1 ms", "131 ms", "1 s", "20 s", "83.4 s",
                "599 s", "20 min"
            ]
        );
    }

    #[test]
    fn censored_and_too_few_are_words() {
        assert_eq!(stat_value(StatValue::LaterThan(20_000_000_000)), "> 20 s");
        assert_eq!(stat_value(StatValue::TooFew), "n too small");
        assert_eq!(stat_value(StatValue::Share(0.1234)), "12.3 %");
    }

    #[test]
    fn counts_have_commas_and_plurals() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "watcher"), "1 watcher");
        assert_eq!(counted(2_000, "publish"), "2,000 publishes");
    }

    #[test]
    fn escape_sequences_do_not_pass() {
        assert_eq!(plain("a\u{1b}[31mb\nc\u{202e}"), "a\u{fffd}[31mb c\u{fffd}");
    }
}
