//! The page's script and the data that it reads. The page is whole without either.
//!
//! The policy names the script by its hash, so that no other script can run, whatever a scenario's names hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::charts::drawing::Hover;
use crate::charts::{Chart, letters};
use crate::input::ReportInput;
use crate::quantity::plain;

/// The script; `assets/report.js` says what it does.
const SCRIPT: &str = include_str!("../../assets/report.js");

/// What the page may do: nothing is loaded, styles stand in the page, and one script may run.
pub(super) fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    )
}

/// The data block and the script.
pub(super) fn elements(input: ReportInput<'_>, hovers: &[(Chart, Vec<Hover>)]) -> Markup {
    // In a script element only `<` could end it or open a comment.
    let data = data(input, hovers).to_string().replace('<', "\\u003c");
    html! {
        script #report-data type="application/json" { (PreEscaped(data)) }
        script { (PreEscaped(SCRIPT)) }
    }
}

fn data(input: ReportInput<'_>, hovers: &[(Chart, Vec<Hover>)]) -> Value {
    let end = input.end();
    let window = |name: &str, from: f64, until: f64| json!([plain(name), from, until]);
    let phases: Vec<Value> = input
        .plan
        .phases
        .iter()
        .filter(|phase| phase.from < end)
        .map(|phase| window(&phase.name, phase.from.as_secs_f64(), phase.until.min(end).as_secs_f64()))
        .collect();
    let faults: Vec<Value> = input
        .judgement
        .faults
        .iter()
        .filter(|fault| fault.from < end)
        .map(|fault| window(&fault.name, fault.from.as_secs_f64(), fault.until.min(end).as_secs_f64()))
        .collect();
    let letters: Map<String, Value> =
        letters().into_iter().map(|(letter, _, name)| (letter.to_string(), json!(name))).collect();
    let hovers: Map<String, Value> = hovers
        .iter()
        .map(|(chart, hovers)| (chart.name().to_owned(), hovers.iter().map(hover).collect()))
        .collect();
    json!({
        "end": end.as_secs_f64(),
        "phases": phases,
        "faults": faults,
        "groups": input.groups().map(|group| input.group_name(group)).collect::<Vec<_>>(),
        "letters": letters,
        "hovers": hovers,
    })
}

fn hover(hover: &Hover) -> Value {
    // A thousandth of a second, or of a decade of a quantile, is less than a pixel.
    let points: Vec<Value> =
        hover.points.iter().map(|(at, text)| json!([(at * 1e3).round() / 1e3, text])).collect();
    let mut object = Map::new();
    object.insert("plot".to_owned(), json!(hover.plot));
    object.insert("points".to_owned(), json!(points));
    if !hover.rows.is_empty() {
        object.insert("rows".to_owned(), json!(hover.rows));
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_cannot_end_its_element() {
        assert!(!SCRIPT.contains("</script") && !SCRIPT.contains("<!--"));
    }

    #[test]
    fn the_script_asks_for_nothing_remote_and_makes_no_code() {
        for forbidden in
            ["fetch(", "XMLHttp", "import(", "eval(", "Function(", "innerHTML", "document.write", "cookie"]
        {
            assert!(!SCRIPT.contains(forbidden), "{forbidden}");
        }
        // The one address is the name of a namespace.
        assert_eq!(SCRIPT.matches("http").count(), 1);
    }
}
