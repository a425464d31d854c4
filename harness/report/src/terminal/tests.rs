use super::*;
use crate::fixture::Fixture;

const PLAIN: Look = Look { width: 100, is_coloured: false };

#[test]
fn the_verdict_and_its_reason_come_first() {
    let text = summary(Fixture::rough_run().input(), PLAIN);
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("VIOLATED  monotonic is violated"), "{first}");
}

#[test]
fn censored_and_too_few_are_said_in_words() {
    let text = summary(Fixture::rough_run().input(), PLAIN);
    assert!(text.contains("> 20 s"), "{text}");
    assert!(text.contains("n too small"), "{text}");
}

#[test]
fn gates_show_what_was_found_and_from_how_many() {
    let text = summary(Fixture::rough_run().input(), PLAIN);
    let line = text.lines().find(|line| line.contains("reconnect.p99 < 20s")).unwrap();
    assert!(line.contains("fail") && line.contains("careful > 20 s (n 98)"), "{line}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for fixture in [Fixture::rough_run(), Fixture::hostile_run(), Fixture::empty_run()] {
        for width in [80, 100, 120] {
            let text = summary(fixture.input(), Look { width, is_coloured: true });
            for line in text.lines() {
                assert!(console::measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn colour_is_only_used_when_asked_for_and_hostile_escapes_never_pass() {
    let fixture = Fixture::hostile_run();
    assert!(!summary(fixture.input(), PLAIN).contains('\u{1b}'));
    let coloured = summary(fixture.input(), Look { width: 100, is_coloured: true });
    assert!(coloured.contains("\u{1b}[31m") && !coloured.contains("\u{1b}[2J"));
}

#[test]
fn an_empty_run_says_that_nothing_was_measured() {
    let text = summary(Fixture::empty_run().input(), PLAIN);
    assert!(text.contains("nothing was measured") && text.contains("interrupted at 2.3 s"), "{text}");
}

#[test]
fn long_texts_wrap_at_words() {
    assert_eq!(wrap("one two three", 8), ["one two", "three"]);
    assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
}

#[test]
fn what_a_read_settled_stands_beside_the_ambiguous_if_there_is_any() {
    let mut fixture = Fixture::rough_run();
    // The line may be wrapped.
    let told =
        |fixture: &Fixture| summary(fixture.input(), PLAIN).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told(&fixture).contains("201 publishes acked, 3 ambiguous, 2 settled by a read"));
    fixture.judgement.counts.settled = 0;
    assert!(told(&fixture).contains("201 publishes acked, 3 ambiguous ·"));
}
