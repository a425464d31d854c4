use shakedown_model::fault::Bite;
use shakedown_model::{FaultId, Offset};

use super::*;

fn window(fault: u16, healed: Option<Offset>) -> FaultWindow {
    FaultWindow {
        fault: FaultId(fault),
        applying: Offset(1),
        applied: Some(Offset(2)),
        healing: None,
        healed,
        bite: Bite::Bit("yes".into()),
        trouble: None,
        service: Vec::new(),
    }
}

#[test]
fn the_last_line_of_a_fault_counts_and_a_torn_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let run = RunDir::create(dir.path(), "r").unwrap();
    run.append_fault(&window(1, None)).unwrap();
    run.append_fault(&window(0, None)).unwrap();
    run.append_fault(&window(1, Some(Offset(9)))).unwrap();
    let path = run.path().join("faults.jsonl");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"fault\":0,\"appl");
    fs::write(&path, text).unwrap();
    assert_eq!(run.faults().unwrap(), [window(0, None), window(1, Some(Offset(9)))]);
}

#[test]
fn a_taken_name_gets_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let first = RunDir::create(dir.path(), "r").unwrap();
    let second = RunDir::create(dir.path(), "r").unwrap();
    assert_ne!(first.path(), second.path());
    assert!(second.path().ends_with("r-2"));
}

#[test]
fn a_directory_without_a_manifest_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let error = RunDir::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("manifest.json"), "{error}");
}

#[test]
fn a_run_is_going_as_long_as_its_maker_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let made = RunDir::create(dir.path(), "r").unwrap();
    let seen = RunDir { path: made.path().to_owned(), secrets: Arc::default(), reports: None, _lock: None };
    let clone = made.clone();
    drop(made);
    assert!(seen.is_going());
    drop(clone);
    assert!(!seen.is_going());
}
