//! Cells of the tables of a comparison.

use shakedown_check::result::StatValue;
use shakedown_model::baseline::ScopeName;

use super::noise::Noise;
use super::rows::{Key, Row, shown};
use crate::charts::axis::whole;
use crate::quantity::{NO_SAMPLES, count, counted, stat_value, time};

/// The name of the phase or fault.
pub(super) fn scope(key: &Key) -> String {
    match &key.scope {
        ScopeName::Run => "whole run".to_owned(),
        ScopeName::Phase(name) | ScopeName::Fault(name) => name.clone(),
    }
}

pub(super) fn value(side: Option<(StatValue, u64)>) -> String {
    side.filter(|(_, n)| *n > 0).map_or_else(|| NO_SAMPLES.to_owned(), |(value, _)| stat_value(value))
}

pub(super) fn samples(side: Option<(StatValue, u64)>) -> String {
    count(side.map_or(0, |(_, n)| n))
}

/// `+1.8 ms`, `-3 points` for shares.
pub(super) fn difference(row: &Row) -> String {
    let Some(difference) = row.difference() else { return String::new() };
    let sign = sign(difference);
    if row.key.measure.is_share() {
        return format!("{sign}{:.1} points", difference.abs() * 100.0);
    }
    let difference = whole(difference.abs());
    format!("{sign}{}", if row.key.measure.is_count() { count(difference) } else { time(difference) })
}

pub(super) fn percent(row: &Row) -> String {
    row.percent().map_or_else(String::new, |percent| format!("{}{:.1} %", sign(percent), percent.abs()))
}

fn sign(value: f64) -> &'static str {
    if value > 0.0 {
        "+"
    } else if value < 0.0 {
        "−"
    } else {
        ""
    }
}

/// What the rule says of a difference.
pub(super) fn noise(row: &Row) -> &'static str {
    match row.noise {
        Noise::Within => "within noise",
        Noise::Beyond(low, _) if low >= 0.0 => "slower",
        Noise::Beyond(..) => "faster",
        Noise::TooFew => "n too small",
        Noise::NotJudged => "not judged",
    }
}

/// One sentence over all rows that the rule could judge.
pub(super) fn conclusion(rows: &[Row]) -> String {
    let judged: Vec<&Row> = rows
        .iter()
        .filter(|row| row.is_told() && shown(row.key.measure).contains(&row.stat))
        .filter(|row| matches!(row.noise, Noise::Within | Noise::Beyond(..)))
        .collect();
    if judged.is_empty() {
        return "No difference can be judged: no phase has enough mutations in both runs (20 for p50, 100 for p90), or \
                they were judged by an older version; then judge them again with `shakedown check RUN`."
            .to_owned();
    }
    let is = |word: &str| judged.iter().filter(|row| noise(row) == word).count() as u64;
    format!(
        "Of {} of T50 to T-all, {} within noise, {} slower and {} faster than A; chance alone tells about 1 in 100 apart.",
        counted(judged.len() as u64, "figure"),
        verb(is("within noise")),
        verb(is("slower")),
        verb(is("faster"))
    )
}

fn verb(n: u64) -> String {
    if n == 1 { "1 is".to_owned() } else { format!("{} are", count(n)) }
}
