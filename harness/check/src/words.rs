//! Numbers as people read them: three significant digits, the unit that suits, grouped thousands.
//!
//! Reporters use these too, so that a figure reads the same in a witness, a gate and a table.

use std::time::Duration;

use shakedown_model::time::nanos;

use crate::result::StatValue;

/// What stands for a quantile with too few samples beyond it.
pub const TOO_FEW: &str = "n too small";

/// A time in ns, µs, ms, s or min with three significant digits.
#[must_use]
pub fn time(ns: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")];
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = ns as f64;
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

/// A duration as [`time`].
#[must_use]
pub fn duration(duration: Duration) -> String {
    time(nanos(duration))
}

/// A share between 0 and 1 as a percentage.
#[must_use]
pub fn share(share: f64) -> String {
    format!("{} %", significant(share * 100.0))
}

/// A count with commas between thousands.
#[must_use]
pub fn count(count: u64) -> String {
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
#[must_use]
pub fn counted(n: u64, noun: &str) -> String {
    let (stem, end) = match noun {
        "loss of connection" => ("losses of connection", ""),
        _ if noun.ends_with("ry") => (&noun[..noun.len() - 1], "ies"),
        _ if ["sh", "ch", "ss"].iter().any(|end| noun.ends_with(end)) => (noun, "es"),
        _ => (noun, "s"),
    };
    if n == 1 { format!("1 {noun}") } else { format!("{} {stem}{end}", count(n)) }
}

/// One value of a distribution; a censored one is `> 20 s`.
#[must_use]
pub fn stat(value: StatValue) -> String {
    match value {
        StatValue::Time(ns) => time(ns),
        StatValue::LaterThan(ns) => format!("> {}", time(ns)),
        StatValue::Share(value) => share(value),
        StatValue::Count(value) => count(value),
        StatValue::TooFew => TOO_FEW.to_owned(),
    }
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
        for (ns, text) in [
            (0, "0 ns"),
            (850, "850 ns"),
            (1_000, "1 µs"),
            (12_345, "12.3 µs"),
            (999_600, "1 ms"),
            (70_120_000, "70.1 ms"),
            (131_400_000, "131 ms"),
            (1_000_000_000, "1 s"),
            (83_440_000_000, "83.4 s"),
            (599_000_000_000, "599 s"),
            (1_200_000_000_000, "20 min"),
        ] {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn censored_and_too_few_are_words() {
        assert_eq!(stat(StatValue::LaterThan(20_000_000_000)), "> 20 s");
        assert_eq!(stat(StatValue::TooFew), "n too small");
        assert_eq!(stat(StatValue::Share(0.1234)), "12.3 %");
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!([0.2, 0.125, 1.0].map(share), ["20 %", "12.5 %", "100 %"]);
    }

    #[test]
    fn counts_have_commas_and_plurals() {
        assert_eq!([0, 999, 8_000, 1_234_567].map(count), ["0", "999", "8,000", "1,234,567"]);
        assert_eq!(counted(1, "loss of connection"), "1 loss of connection");
        assert_eq!(counted(2_000, "publish"), "2,000 publishes");
        assert_eq!([1, 2].map(|n| counted(n, "delivery")), ["1 delivery", "2 deliveries"]);
    }
}
