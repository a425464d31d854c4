//! Every scenario and the schema of this repository.

use std::path::{Path, PathBuf};

use super::*;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push(path);
        }
    }
}

#[test]
fn every_committed_scenario_is_planned_without_a_warning() {
    let mut files = Vec::new();
    files_below(&scenarios(), &mut files);
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let loaded = load(&file, &Overrides::new()).unwrap_or_else(|problems| panic!("{problems}"));
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
        assert_eq!(loaded.plan.name, file.file_stem().unwrap().to_str().unwrap());
        assert_eq!(loaded.text, std::fs::read_to_string(&file).unwrap());
        let explained = explain(&loaded.plan);
        for group in &loaded.plan.groups {
            assert!(explained.contains(&format!("  {}: # watchers", group.name)), "{explained}");
        }
        if std::env::var_os("SHOW_EXPLAINED").is_some() {
            eprintln!("{explained}");
        }
    }
}
