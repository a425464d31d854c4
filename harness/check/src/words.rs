//! Numbers in words, for findings, gates and witnesses.

use std::time::Duration;

use shakedown_model::time::nanos;

use crate::result::StatValue;

/// Nanoseconds for a person, three digits: `412 ms`, `1.23 s`, `45 µs`.
pub(crate) fn time(ns: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = ns as f64;
    let (scaled, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (value / 1e3, "µs"),
        1_000_000..1_000_000_000 => (value / 1e6, "ms"),
        _ => (value / 1e9, "s"),
    };
    let digits = match scaled {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    let text = format!("{scaled:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

/// A duration for a person.
pub(crate) fn duration(duration: Duration) -> String {
    time(nanos(duration))
}

/// A count with its thousands apart: `8,000`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun, which takes an s unless there is one: `1 delivery` needs [`count`] instead.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A share for a person: `12.5 %`.
pub(crate) fn share(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A value of a distribution for a person.
pub(crate) fn stat(value: StatValue) -> String {
    match value {
        StatValue::Time(ns) => time(ns),
        StatValue::LaterThan(ns) => format!("later than {}", time(ns)),
        StatValue::Share(part) => share(part),
        StatValue::TooFew => "n too small".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let texts: Vec<_> =
            [999, 45_000, 412_345_678, 1_234_000_000, 20_000_000_000, 99_990].map(time).into_iter().collect();
        assert_eq!(texts, ["999 ns", "45 µs", "412 ms", "1.23 s", "20 s", "100 µs"]);
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!([0, 999, 8_000, 1_234_567].map(count), ["0", "999", "8,000", "1,234,567"]);
        assert_eq!(counted(1, "loss"), "1 loss");
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!([0.2, 0.125, 1.0].map(share), ["20 %", "12.5 %", "100 %"]);
    }
}
