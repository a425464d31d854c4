//! Reading and writing the files of a run directory: whole or not at all, and without secrets.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shakedown_model::secrets::Secrets;

use super::RunDirError;

/// Writes a file so that a reader sees the old or the new content, never a part.
///
/// # Errors
/// [`RunDirError::Write`].
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), RunDirError> {
    let fail = |source| RunDirError::Write { path: path.to_owned(), source };
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    fs::write(&partial, content).and_then(|()| fs::rename(&partial, path)).map_err(|source| {
        // A part of a file helps nobody, and takes room on a disk that may be full.
        drop(fs::remove_file(&partial));
        fail(source)
    })
}

pub(super) fn append_line<T: Serialize>(path: &Path, value: &T) -> Result<(), RunDirError> {
    let mut line = serde_json::to_vec(value).map_err(|source| RunDirError::Form {
        path: path.to_owned(),
        line: 0,
        source,
    })?;
    line.push(b'\n');
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(&line))
        .map_err(|source| RunDirError::Write { path: path.to_owned(), source })
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunDirError> {
    let text = read(path)?;
    serde_json::from_str(&text).map_err(|source| RunDirError::Form {
        path: path.to_owned(),
        line: source.line(),
        source,
    })
}

/// Reads a file of JSON lines; a file that is absent has none, and a last line that is not whole is left out.
pub(super) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunDirError> {
    let text = match read(path) {
        Err(RunDirError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(Vec::new());
        }
        other => other?,
    };
    let mut values = Vec::new();
    for (line, n) in text.split_inclusive('\n').zip(1..) {
        match serde_json::from_str(line) {
            Ok(value) => values.push(value),
            Err(_) if !line.ends_with('\n') => {}
            Err(source) => return Err(RunDirError::Form { path: path.to_owned(), line: n, source }),
        }
    }
    Ok(values)
}

fn read(path: &Path) -> Result<String, RunDirError> {
    fs::read_to_string(path).map_err(|source| RunDirError::Read { path: path.to_owned(), source })
}

/// The value with `${env:NAME}` in place of what must not be written down, wherever it is text.
///
/// What is a word of the form, such as a backend, is left: with a reference in its place it would not read back.
///
/// # Errors
/// When the value has no JSON form.
pub fn redacted<T: Clone + Serialize + DeserializeOwned>(
    value: &T,
    secrets: &Secrets,
) -> Result<T, serde_json::Error> {
    if secrets.is_empty() {
        return Ok(value.clone());
    }
    let mut tree = serde_json::to_value(value)?;
    let mut pointers = Vec::new();
    find(&tree, String::new(), secrets, &mut pointers);
    for pointer in pointers {
        let Some(place) = tree.pointer_mut(&pointer) else { continue };
        let Value::String(text) = place else { continue };
        let hidden = Value::String(secrets.redact(text));
        let shown = std::mem::replace(place, hidden);
        if T::deserialize(&tree).is_err()
            && let Some(place) = tree.pointer_mut(&pointer)
        {
            *place = shown;
        }
    }
    T::deserialize(tree)
}

/// The places of texts with secrets, as JSON pointers (RFC 6901).
fn find(tree: &Value, at: String, secrets: &Secrets, pointers: &mut Vec<String>) {
    match tree {
        Value::String(text) if secrets.are_in(text) => pointers.push(at),
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate() {
                find(value, format!("{at}/{n}"), secrets, pointers);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                find(value, format!("{at}/{key}"), secrets, pointers);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use shakedown_model::plan::ServerSpec;

    use super::*;

    #[test]
    fn texts_are_redacted_and_words_of_the_form_are_not() {
        let mut secrets = Secrets::new();
        secrets.hide("PASSWORD", "nacos");
        let server = ServerSpec {
            version: "a nacos".into(),
            home: Some("/srv/nacos".into()),
            ..ServerSpec::default()
        };
        let hidden = redacted(&server, &secrets).unwrap();
        assert_eq!(hidden.version, "a ${env:PASSWORD}");
        assert_eq!(hidden.home, Some("/srv/${env:PASSWORD}".into()));
        assert_eq!(hidden.product, server.product);
    }

    #[test]
    fn without_secrets_a_value_is_as_it_was() {
        let server = ServerSpec::default();
        assert_eq!(redacted(&server, &Secrets::new()).unwrap(), server);
    }
}
