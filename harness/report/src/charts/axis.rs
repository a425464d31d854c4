//! Axes: from values to pixels, and where the ticks lie.

use crate::quantity::{self, as_f64};

/// How values spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    Linear,
    Log,
}

/// A mapping of values to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    spread: Spread,
    values: (f64, f64),
    pixels: (f64, f64),
}

/// A tick.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// In the axis' values.
    pub(crate) value: f64,
    /// Its label; empty for a line without one.
    pub(crate) label: String,
}

impl Axis {
    /// An even axis; `values` that coincide are spread by one.
    pub(crate) fn linear(values: (f64, f64), pixels: (f64, f64)) -> Self {
        let high = if values.1 > values.0 { values.1 } else { values.0 + 1.0 };
        Self { spread: Spread::Linear, values: (values.0, high), pixels }
    }

    /// A logarithmic axis for positive values, with a little room at both ends.
    pub(crate) fn log(values: (f64, f64), pixels: (f64, f64)) -> Self {
        const ROOM: f64 = 1.35;
        let low = values.0.max(1.0) / ROOM;
        let high = (values.1 * ROOM).max(low * 8.0);
        Self { spread: Spread::Log, values: (low, high), pixels }
    }

    /// The same axis at another place.
    pub(crate) const fn at(self, pixels: (f64, f64)) -> Self {
        Self { spread: self.spread, values: self.values, pixels }
    }

    /// Where `value` lies; values beyond the ends lie at the ends.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let (low, high) = (self.scaled(self.values.0), self.scaled(self.values.1));
        let share = ((self.scaled(value) - low) / (high - low)).clamp(0.0, 1.0);
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// Where a time in nanoseconds lies.
    pub(crate) fn place_ns(&self, ns: u64) -> f64 {
        self.place(as_f64(ns))
    }

    /// Whether `value` lies on the axis.
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.values.0 <= value && value <= self.values.1
    }

    fn scaled(&self, value: f64) -> f64 {
        match self.spread {
            Spread::Linear => value,
            Spread::Log => value.max(1e-9).log10(),
        }
    }

    /// Ticks of a logarithmic axis of nanoseconds: each decade, and 2 and 5 between where there is room.
    pub(crate) fn time_ticks(&self) -> Vec<Tick> {
        let decades = self.scaled(self.values.1) - self.scaled(self.values.0);
        let per_decade = (self.pixels.1 - self.pixels.0).abs() / decades;
        let steps: &[f64] = if per_decade > 75.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = if per_decade < 17.0 { 2 } else { 1 };
        (0..13)
            .step_by(every)
            .flat_map(|exponent| steps.iter().map(move |step| step * 10_f64.powi(exponent)))
            .filter(|value| self.holds(*value))
            .map(|value| Tick { value, label: quantity::time(whole(value)) })
            .collect()
    }

    /// Ticks of an even axis: about `wanted` round values.
    pub(crate) fn round_ticks(&self, wanted: f64) -> Vec<Tick> {
        let (low, high) = self.values;
        let rough = (high - low) / wanted.max(1.0);
        let decade = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|m| m * decade)
            .into_iter()
            .find(|s| *s >= rough * 0.999)
            .unwrap_or(rough);
        let mut ticks = Vec::new();
        let mut n = (low / step).ceil();
        while n * step <= high + step * 1e-6 && ticks.len() < 50 {
            let value = n * step;
            let label = if step >= 1.0 { quantity::count(whole(value)) } else { format!("{value:.1}") };
            ticks.push(Tick { value, label });
            n += 1.0;
        }
        ticks
    }
}

/// A value that is not negative, rounded.
pub(crate) fn whole(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "tick values are positive and small; a float cast saturates"
    )]
    let whole = value.round() as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_axes_place_decades_evenly_and_upwards() {
        let axis = Axis::log((1e6, 1e9), (300.0, 0.0));
        let [a, b, c] = [1e6, 1e7, 1e8].map(|v| axis.place(v));
        assert!(((a - b) - (b - c)).abs() < 1e-6 && a > b);
        let labels: Vec<String> = axis.time_ticks().into_iter().map(|t| t.label).collect();
        assert!(labels.contains(&"1 ms".to_owned()) && labels.contains(&"1 s".to_owned()), "{labels:?}");
    }

    #[test]
    fn a_log_axis_over_one_value_still_has_ticks() {
        let axis = Axis::log((70e6, 70e6), (100.0, 0.0));
        assert!(!axis.time_ticks().is_empty());
        assert!(axis.place(70e6).is_finite());
    }

    #[test]
    fn even_axes_have_round_ticks() {
        let labels = |high, wanted| {
            Axis::linear((0.0, high), (0.0, 100.0))
                .round_ticks(wanted)
                .into_iter()
                .map(|t| t.label)
                .collect::<Vec<_>>()
        };
        assert_eq!(labels(105.0, 6.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(0.0, 4.0).first().map(String::as_str), Some("0.0"));
        assert_eq!(labels(2400.0, 3.0), ["0", "1,000", "2,000"]);
    }
}
