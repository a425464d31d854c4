//! What an application makes of content that is whole and that it cannot use.

use shakedown_model::event::{Event, Invalid};
use shakedown_model::plan::{Cache, ClientDefect, Registers};

use super::*;

/// Version 2 and so on of item 0, one after another from 100 ms on; what the application says of each.
fn given(client: ClientSpec, texts: &[String]) -> Vec<Option<Invalid>> {
    let mut bench = Bench::subscribed(client, 1);
    let mut said = Vec::new();
    for (at, text) in (1..).map(|nth| nth * 100).zip(texts) {
        bench.step(ms(at), Input::Notify(ItemId(0)));
        bench.changed(at + 1, &[0]);
        bench.whole(at + 2, text);
        assert!(!bench.deliveries().is_empty(), "the client hands on what the server has");
        said.push(judged(&bench));
        bench.changed(at + 3, &[]);
    }
    said
}

fn judged(bench: &Bench) -> Option<Invalid> {
    let is_one = |event| if let Event::Invalid(invalid) = event { Some(invalid) } else { None };
    let mut all: Vec<Invalid> = bench.events().into_iter().filter_map(is_one).collect();
    assert!(all.len() <= 1, "{all:?}");
    all.pop()
}

fn uses(said: &[Option<Invalid>]) -> Vec<Option<Option<u32>>> {
    said.iter().map(|one| one.map(|invalid| invalid.uses.map(|version| version.0))).collect()
}

#[test]
fn an_application_goes_on_with_the_last_good_version_however_many_it_cannot_use() {
    let texts = [content(0, 2), invalid(0, 3), invalid(0, 4), content(0, 5), invalid(0, 6)];
    let said = given(java(), &texts);
    assert_eq!(uses(&said), [None, Some(Some(2)), Some(Some(2)), None, Some(Some(5))]);
    let second = said[1].unwrap();
    assert_eq!((second.at, second.item, second.version), (ms(202), ItemId(0), Version(3)));
    let twice = ClientSpec { registers: Registers::Twice, ..java() };
    assert_eq!(uses(&given(twice, &texts)), uses(&said));
}

#[test]
fn one_that_takes_over_what_it_is_given_works_with_what_it_cannot_use() {
    let defect = ClientSpec { defect: Some(ClientDefect::TakeInvalid), ..java() };
    let said = given(defect, &[invalid(0, 2), invalid(0, 3), content(0, 4)]);
    assert_eq!(uses(&said), [Some(Some(2)), Some(Some(3)), None]);
}

#[test]
fn after_a_delete_there_is_nothing_good() {
    let rules = Rules {
        client: java(),
        run_id: RUN,
        nodes: 1,
        may_be_absent: true,
        reads_per_second: 0.0,
        seed: Seed(3),
    };
    let mut bench = Bench::by(rules, 1);
    bench.step(ms(0), Input::Start);
    bench.step(ms(1), Input::Connected);
    bench.step(ms(2), Input::Reply(Reply::Checked { will_ack_setup: true }));
    bench.step(ms(10), Input::SetupAck);
    bench.changed(11, &[0]);
    for (at, text, expected) in [(12, None, None), (22, Some(invalid(0, 2)), Some(None))] {
        match &text {
            None => drop(bench.step(ms(at), Input::Reply(Reply::Absent))),
            Some(text) => bench.whole(at, text),
        }
        assert_eq!(judged(&bench).map(|invalid| invalid.uses), expected);
        bench.changed(at + 1, &[]);
        bench.step(ms(at + 2), Input::Notify(ItemId(0)));
        bench.changed(at + 3, &[0]);
    }
    bench.whole(32, &content(0, 3));
    bench.changed(33, &[]);
    bench.step(ms(34), Input::Notify(ItemId(0)));
    bench.changed(35, &[0]);
    bench.step(ms(36), Input::Reply(Reply::Absent));
    bench.changed(37, &[]);
    bench.step(ms(38), Input::Notify(ItemId(0)));
    bench.changed(39, &[0]);
    bench.whole(40, &invalid(0, 5));
    assert_eq!(judged(&bench).map(|invalid| invalid.uses), Some(None), "a deletion is taken over");
}

#[test]
fn a_cold_start_over_an_invalid_snapshot_has_nothing_to_go_on_with() {
    let client = ClientSpec { cache: Cache::Snapshot, backoff: steady(), ..java() };
    let mut bench = Bench::subscribed(client, 1);
    bench.step(ms(100), Input::Notify(ItemId(0)));
    bench.changed(101, &[0]);
    bench.whole(102, &invalid(0, 2));
    assert_eq!(judged(&bench).map(|invalid| invalid.uses), Some(Some(Version(1))));
    assert!(
        bench.out.contains(&Action::SaveSnapshot(ItemId(0))),
        "the client's snapshot is what it was sent"
    );
    bench.step(ms(200), Input::Crash);
    bench.step(ms(300), Input::ColdStart);
    bench.step(ms(301), Input::Snapshot { item: ItemId(0), content: Some(&invalid(0, 2)) });
    assert_eq!(bench.deliveries().len(), 1);
    let said = judged(&bench).unwrap();
    assert_eq!((said.at, said.version, said.uses), (ms(301), Version(2), None));
}
