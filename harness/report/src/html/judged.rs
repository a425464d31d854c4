//! What was judged: gates, guarantees, faults, the harness itself.

use maud::{Markup, html};
use shakedown_check::result::{GateResult, GateRow, GuaranteeResult};

use super::badge;
use crate::input::ReportInput;
use crate::quantity::{NO_SAMPLES, count, plain, stat_value};
use crate::{fidelity, floor, own_share, service};

pub(super) fn gates(input: ReportInput<'_>) -> Markup {
    html! {
        section #gates {
            h2 { "Gates" }
            @if input.judgement.gates.is_empty() {
                p.empty { "No gate was judged: the scenario has none, or the run ended before it could be." }
            } @else {
                div.scroll {
                    table.gates {
                        thead { tr { th { "Outcome" } th.gate { "Gate" } th { "Group" } th.number { "Found" } th.number { "n" } } }
                        @for gate in &input.judgement.gates { (gate_rows(input, gate)) }
                    }
                }
            }
        }
    }
}

fn gate_rows(input: ReportInput<'_>, gate: &GateResult) -> Markup {
    let found = |row: &GateRow| if row.count == 0 { NO_SAMPLES.to_owned() } else { stat_value(row.value) };
    let span = gate.rows.len().max(1);
    html! {
        tbody {
            tr.gate-name { td colspan="5" { code { (plain(&gate.text)) } } }
            @if gate.rows.is_empty() {
                tr {
                    td { (badge(gate.outcome)) }
                    td.gate { code { (plain(&gate.text)) } }
                    td colspan="3" { "was not judged for any group" }
                }
            }
            @for (n, row) in gate.rows.iter().enumerate() {
                tr {
                    td { (badge(row.outcome)) }
                    @if n == 0 { td.gate rowspan=(span) { code { (plain(&gate.text)) } } }
                    td {
                        (input.group_or_dash(row.group))
                        @if !row.note.is_empty() { br; small { (plain(&row.note)) } }
                    }
                    td.number { (found(row)) }
                    td.number { (count(row.count)) }
                }
            }
        }
    }
}

pub(super) fn guarantees(input: ReportInput<'_>) -> Markup {
    html! {
        section #guarantees {
            h2 { "Guarantees" }
            @if input.judgement.guarantees.is_empty() {
                p.empty { "No guarantee was judged: the run ended before anything could be said." }
            } @else {
                div.scroll {
                    table {
                        thead { tr { th { "Outcome" } th { "Guarantee" } th { "What was seen" } } }
                        tbody { @for result in &input.judgement.guarantees { (guarantee(result)) } }
                    }
                }
            }
        }
    }
}

fn guarantee(result: &GuaranteeResult) -> Markup {
    html! {
        tr {
            td { (badge(result.outcome)) }
            td {
                b.name { (result.guarantee.name()) }
                @if !result.is_required { br; small { "not required" } }
            }
            td {
                (plain(&result.text))
                @if !result.witness.is_empty() {
                    ol.witness { @for line in &result.witness { li { code { (plain(line)) } } } }
                }
            }
        }
    }
}

pub(super) fn faults(input: ReportInput<'_>) -> Markup {
    html! {
        section #faults {
            h2 { "Faults" }
            @if input.judgement.faults.is_empty() {
                p.empty { "No fault was applied." }
            } @else {
                div.scroll {
                    table {
                        thead { tr { th { "Bit" } th { "Fault" } th { "In force" } th { "Groups" } th { "What the canaries saw" } } }
                        tbody {
                            @for fault in &input.judgement.faults {
                                tr {
                                    td { (badge(fault.outcome)) }
                                    td { b { (plain(&fault.name)) } br; small { (plain(&fault.kind)) } }
                                    td.nowrap { (input.in_force(fault)) }
                                    td { (fault.groups.iter().map(|g| input.group_name(*g)).collect::<Vec<_>>().join(", ")) }
                                    td { (plain(&fault.text)) @if let Some(trouble) = trouble(input, fault.fault) { br; (trouble) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Rows of plain text under their heads.
fn table<const N: usize>(heads: &[&str; N], rows: &[[String; N]]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { @for head in heads { th { (crate::quantity::sentence_case(head)) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// What nodes did not do during faults of servers; nothing where there was none.
pub(super) fn service(input: ReportInput<'_>) -> Markup {
    let rows = service::rows(input);
    html! {
        @if !rows.is_empty() {
            section #service {
                h2 { "Service during server faults" }
                p { "Each node was asked straight, not through a proxy, from before a fault until everything served again." }
                (table(&service::HEAD, &rows))
            }
        }
    }
}

/// The bare fan-outs that were measured before the run, and its figures as multiples of them.
pub(super) fn floor(input: ReportInput<'_>) -> Markup {
    let floors = &input.manifest.floors;
    html! {
        @if !floors.is_empty() {
            section #floor {
                h2 { "Beside the floor" }
                p { "Before the run the same messages went to as many bare sockets, with no server and no client behind them. Multiples compare across machines; times do not." }
                (table(&floor::BARE_HEAD, &floor::bare_rows(floors)))
                (table(&floor::HEAD, &floor::rows(input)))
            }
        }
    }
}

/// What the harness itself took of a delivery; nothing where it timed none.
pub(super) fn own_share(input: ReportInput<'_>) -> Markup {
    let rows = own_share::rows(&input.judgement.own_share);
    html! {
        @if !rows.is_empty() {
            section #own-share {
                h2 { "The harness' own share" }
                p { (own_share::ABOUT) }
                (table(&own_share::HEAD, &rows))
            }
        }
    }
}

/// Real clients beside those that imitate them.
pub(super) fn fidelity(input: ReportInput<'_>) -> Markup {
    html! {
        section #fidelity-table {
            h2 { "Fidelity" }
            p { (fidelity::HOW_TO_READ) }
            @for pair in &input.judgement.fidelity {
                h3 { (fidelity::title(input, pair)) }
                p { (fidelity::tally(pair)) "." }
                @for note in &pair.notes { p.empty { (plain(note)) "." } }
                (table(&fidelity::HEAD, &fidelity::rows(input, pair)))
            }
        }
    }
}

/// What went wrong while a fault was applied or healed, where its judgement does not say it already.
fn trouble(input: ReportInput<'_>, fault: shakedown_model::FaultId) -> Option<String> {
    let window = input.faults.iter().find(|window| window.fault == fault)?;
    let trouble = plain(window.trouble.as_deref()?);
    let is_said =
        input.judgement.faults.iter().any(|f| f.fault == fault && plain(&f.text).contains(&trouble));
    (!is_said).then_some(trouble)
}

pub(super) fn validity(input: ReportInput<'_>) -> Markup {
    let validity = &input.judgement.validity;
    html! {
        section #validity {
            h2 { "Did the harness keep up?" }
            p {
                @if !validity.is_valid {
                    b { "No: this run is invalid." } " Its figures say more about the harness than about what it tested."
                } @else if validity.findings.is_empty() {
                    "It was not checked: the run ended too early."
                } @else {
                    "Yes: the run is valid."
                }
            }
            @if !validity.findings.is_empty() {
                div.scroll {
                    table {
                        thead { tr { th { "Outcome" } th { "Check" } th { "Numbers" } } }
                        tbody {
                            @for finding in &validity.findings {
                                tr { td { (badge(finding.outcome)) } td { b { (plain(&finding.name)) } } td { (plain(&finding.text)) } }
                            }
                        }
                    }
                }
            }
            @if !input.manifest.remarks.is_empty() {
                ul { @for remark in &input.manifest.remarks { li { (plain(remark)) } } }
            }
        }
    }
}
