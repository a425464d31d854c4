use std::collections::BTreeMap;

use shakedown_nacos::{ConfigKey, md5_hex};

use super::*;
use crate::core::{Author, Entry, Labels, Row};

fn author() -> Author {
    Author { ip: "10.0.0.1".into(), user: None, at_ms: 17 }
}

fn put(data_id: &str, content: &str) -> Change {
    let entry = Entry {
        content: content.into(),
        md5: md5_hex(content).into(),
        content_type: "text".into(),
        last_modified_ms: 17,
        encrypted_data_key: None,
    };
    let row =
        Row { id: 1, entry: entry.into(), labels: Labels::default(), created: author(), modified: author() };
    Change::Put(ConfigKey::public(data_id, "g"), row)
}

fn open(dir: &Path) -> Result<(Journal, BTreeMap<ConfigKey, Row>), JournalError> {
    let mut rows = BTreeMap::new();
    let journal = Journal::open(dir, |record| match record {
        Record::Committed(Change::Put(key, row)) | Record::Stored(Change::Put(key, row)) => {
            rows.insert(key, row);
        }
        Record::Committed(Change::Remove(key, _)) => drop(rows.remove(&key)),
        other => panic!("{other:?} was not written"),
    })?;
    Ok((journal, rows))
}

fn contents(rows: &BTreeMap<ConfigKey, Row>) -> Vec<(&str, &str)> {
    rows.iter().map(|(key, row)| (&*key.data_id, &*row.entry.content)).collect()
}

#[test]
fn what_is_appended_is_there_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path()).unwrap();
    for change in [put("a", "1"), put("b", "line\nbreak 组"), put("a", "2"), put("c", "3")] {
        journal.append(&change).unwrap();
    }
    journal.append(&Change::Remove(ConfigKey::public("c", "g"), author())).unwrap();
    drop(journal);
    let (_, rows) = open(dir.path()).unwrap();
    assert_eq!(contents(&rows), [("a", "2"), ("b", "line\nbreak 组")]);
    assert_eq!(rows[&ConfigKey::public("a", "g")].entry.last_modified_ms, 17);
}

#[test]
fn an_unfinished_last_line_is_dropped_and_the_log_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path()).unwrap();
    journal.append(&put("a", "1")).unwrap();
    journal.append(&put("b", "2")).unwrap();
    let (path, len) = (journal.path.clone(), journal.len);
    drop(journal);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(len - 5).unwrap();
    let (mut journal, rows) = open(dir.path()).unwrap();
    assert_eq!(contents(&rows), [("a", "1")]);
    journal.append(&put("b", "3")).unwrap();
    drop(journal);
    assert_eq!(contents(&open(dir.path()).unwrap().1), [("a", "1"), ("b", "3")]);
}

#[test]
fn damage_in_the_middle_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path()).unwrap();
    journal.append(&put("a", "1")).unwrap();
    journal.append(&put("b", "2")).unwrap();
    let path = journal.path.clone();
    drop(journal);
    let damaged = fs::read_to_string(&path).unwrap().replace("\"content\":\"2\"", "\"content\":\"7\"");
    fs::write(&path, damaged).unwrap();
    let message = open(dir.path()).unwrap_err().to_string();
    assert!(message.contains("configs.log` is damaged at line 2: its checksum does not match"), "{message}");
}

#[test]
fn a_rewritten_log_has_one_line_per_config_and_still_appends() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(dir.path()).unwrap();
    for n in 0..50 {
        journal.append(&put("a", &n.to_string())).unwrap();
    }
    drop(journal);
    let (mut journal, rows) = open(dir.path()).unwrap();
    journal.compact(rows.into_iter().map(|(key, row)| Change::Put(key, row))).unwrap();
    journal.append(&put("b", "after")).unwrap();
    assert_eq!(fs::read_to_string(&journal.path).unwrap().lines().count(), 2);
    assert_eq!(fs::metadata(&journal.path).unwrap().len(), journal.len);
    drop(journal);
    assert_eq!(contents(&open(dir.path()).unwrap().1), [("a", "49"), ("b", "after")]);
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_journal, _) = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::InUse(_))));
}
