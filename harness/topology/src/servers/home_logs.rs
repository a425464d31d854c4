//! What a home's server wrote into its own logs, kept when it could not be started.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use shakedown_model::log::tail;

use crate::process::LOG_LINES;

/// How much of each log is kept, from its end.
const KEPT_BYTES: u64 = 1024 * 1024;
/// The log that is shown: the first of these that has something in it.
const SHOWN: [&str; 2] = ["nacos.log", "start.out"];

/// Copies the ends of a node's own logs (`DATA_DIR/logs`, where `bin/start` puts them) beside the run's logs, and says
/// where they are and what the main one says last, as a text to append to a message; empty when there are none.
pub(super) fn keep(data: &Path, kept: &Path) -> String {
    let own = data.join("logs");
    match copy_ends(&own, kept) {
        Ok(0) => String::new(),
        Ok(_) => format!("; its own logs are kept in `{}`{}", kept.display(), shown(kept)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => format!("; its own logs could not be kept in `{}`: {error}", kept.display()),
    }
}

/// How many logs were copied.
fn copy_ends(own: &Path, kept: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in own.read_dir()? {
        let path = entry?.path();
        let is_log = path.extension().is_some_and(|ending| ending == "log" || ending == "out");
        let text = if is_log && path.is_file() { end_of(&path)? } else { continue };
        if text.is_empty() {
            continue;
        }
        std::fs::create_dir_all(kept)?;
        std::fs::write(kept.join(path.file_name().unwrap_or_default()), text)?;
        count += 1;
    }
    Ok(count)
}

fn end_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(KEPT_BYTES)))?;
    let mut text = Vec::new();
    file.take(KEPT_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

fn shown(kept: &Path) -> String {
    let found =
        SHOWN.into_iter().find_map(|name| std::fs::read(kept.join(name)).ok().map(|text| (name, text)));
    let Some((name, text)) = found else { return String::new() };
    format!("; the end of `{name}`:\n    {}", tail(&text, LOG_LINES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_nodes_logs_are_kept_and_the_main_one_is_shown() {
        let place = tempfile::tempdir().unwrap();
        let (data, kept) = (place.path().join("node-1"), place.path().join("run/nacos-1"));
        std::fs::create_dir_all(data.join("logs")).unwrap();
        let lines: Vec<_> = (1..=20).map(|n| format!("line {n}")).collect();
        std::fs::write(data.join("logs/nacos.log"), lines.join("\n")).unwrap();
        std::fs::write(data.join("logs/start.out"), "the JVM's own").unwrap();
        std::fs::write(data.join("logs/empty.log"), "").unwrap();
        std::fs::write(data.join("logs/gc.bin"), "no log").unwrap();
        let text = keep(&data, &kept);
        assert!(text.starts_with(&format!(
            "; its own logs are kept in `{}`; the end of `nacos.log`:",
            kept.display()
        )));
        assert!(
            text.contains("line 9\n") && text.ends_with("line 20") && !text.contains("line 8\n"),
            "{text}"
        );
        let mut names: Vec<_> =
            kept.read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["nacos.log", "start.out"]);
    }

    #[test]
    fn only_the_last_part_of_a_long_log_is_kept() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("logs")).unwrap();
        let long = vec![b'x'; usize::try_from(KEPT_BYTES).unwrap() + 10];
        std::fs::write(place.path().join("logs/start.out"), [long.as_slice(), b"\nthe end"].concat())
            .unwrap();
        let text = keep(place.path(), &place.path().join("kept"));
        assert!(text.ends_with("the end"));
        assert_eq!(std::fs::metadata(place.path().join("kept/start.out")).unwrap().len(), KEPT_BYTES);
    }

    #[test]
    fn a_home_that_writes_no_logs_has_nothing_to_show() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(keep(place.path(), &place.path().join("kept")), "");
        assert!(!place.path().join("kept").exists());
    }
}
