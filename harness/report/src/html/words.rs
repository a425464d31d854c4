//! How to repeat the run, and how to read the page.

use maud::{Markup, html};
use shakedown_model::gate::Measure;

use super::measures::meaning;
use crate::input::ReportInput;
use crate::quantity::{plain, time};

pub(super) fn repeat(input: ReportInput<'_>) -> Markup {
    let dir = plain(input.dir);
    let arguments = input.manifest.arguments.iter().map(|argument| format!(" {}", quoted(&plain(argument))));
    let run = format!(
        "shakedown run {} --seed {}{}",
        quoted(&format!("{dir}/scenario.yaml")),
        input.manifest.seed,
        arguments.collect::<String>()
    );
    let check = format!("shakedown check {}", quoted(&dir));
    html! {
        section #repeat {
            h2 { "How to repeat it" }
            p { "Run the same plan again: the same changes at the same times, the same faults, the same draws." }
            pre { code { (run) } }
            p { "Judge this recording again, without running anything:" }
            pre { code { (check) } }
            p {
                "The seed fixes what is planned. It cannot fix how bytes fall into packets, how threads are scheduled, or \
                 what the server does; so figures differ a little from run to run."
            }
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:@".contains(c));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

pub(super) fn how_to_read(input: ReportInput<'_>) -> Markup {
    let timeout = time(shakedown_model::time::nanos(input.plan.delivery_timeout));
    html! {
        section #reading {
            h2 { "How to read it" }
            dl.words {
                dt { "p50, p90, p99, p999, max" }
                dd { "Half of the samples are at or below p50, 99 % at or below p99, 99.9 % at or below p999. Means are not shown." }
                dt { "n" }
                dd { "How many samples a row has. Watchers of one change are one burst; the T measures look at each change as a whole." }
                dt { "> " (timeout) }
                dd { "Later than the time-out: known only to be later. Such samples stay in the distribution; the column \"later\" counts them." }
                dt { "n too small" }
                dd { "Fewer than 10 samples lie beyond the percentile, or the samples come from fewer than 30 changes. A gate on it is unknown." }
                dt { "pass, fail, unknown" }
                dd { "Unknown means that it cannot be told; it is never taken for a pass." }
                dt { "verified" }
                dd { "The checksum inside the content and the MD5 that the server sent both agree." }
                dt { "coalesced" }
                dd { "A newer version overtook an older one on its way. Legal; the older one counts as delivered when the newer is." }
                dt { "ambiguous" }
                dd { "A publish without a clear answer: it may take effect at any time, or never." }
                dt { "settled by a read" }
                dd { "A publish whose answer was lost, and which a later read showed to be stored. Since when, nobody knows: it is in end-to-end, and not in propagation." }
                @for measure in Measure::ALL {
                    dt { (measure.name()) }
                    dd { (meaning(measure)) "." }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_where_a_shell_would_split_them() {
        assert_eq!(quoted("reports/runs/a-1"), "reports/runs/a-1");
        assert_eq!(quoted("my run's"), "'my run'\\''s'");
    }
}
