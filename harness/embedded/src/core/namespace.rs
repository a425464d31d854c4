//! Namespaces beside the public one. A config may lie in a namespace that nobody made, as in the real server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The longest id, in characters.
const ID_MAX_LEN: usize = 128;

/// Signs that a namespace's name must not have.
const FORBIDDEN_IN_NAMES: &str = "@#$%^&*";

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    /// Its id, as configs name it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// A description.
    pub desc: String,
}

/// Why a namespace is refused; the texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceError {
    /// The id has other signs than letters, digits, `_` and `-`.
    #[error("namespaceId [{0}] mismatch the pattern")]
    Pattern(String),
    /// The id is too long.
    #[error("too long namespaceId, over {ID_MAX_LEN}")]
    TooLong,
    /// The name has a forbidden sign.
    #[error("namespaceName [{0}] contains illegal char")]
    Name(String),
    /// The id is taken.
    #[error("namespaceId [{0}] already exist.")]
    Exists(String),
    /// There is none of this id.
    #[error("namespaceId [ {0} ] not exist")]
    Absent(String),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Namespaces {
    own: BTreeMap<String, Namespace>,
}

impl Namespaces {
    /// Judges a new namespace.
    pub(super) fn accept(&self, new: Namespace) -> Result<Namespace, NamespaceError> {
        if !new.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(NamespaceError::Pattern(new.id));
        }
        if new.id.chars().count() > ID_MAX_LEN {
            return Err(NamespaceError::TooLong);
        }
        if new.id == "public" || self.own.contains_key(&new.id) {
            return Err(NamespaceError::Exists(new.id));
        }
        named(new)
    }

    /// Judges new words for a namespace that is there.
    pub(super) fn accept_update(&self, new: Namespace) -> Result<Namespace, NamespaceError> {
        if !self.own.contains_key(&new.id) {
            return Err(NamespaceError::Absent(new.id));
        }
        named(new)
    }

    pub(super) fn put(&mut self, namespace: Namespace) {
        self.own.insert(namespace.id.clone(), namespace);
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.own.remove(id);
    }

    /// All but the public one, by id.
    pub(super) fn own(&self) -> impl Iterator<Item = &Namespace> {
        self.own.values()
    }
}

fn named(new: Namespace) -> Result<Namespace, NamespaceError> {
    if new.name.chars().any(|c| FORBIDDEN_IN_NAMES.contains(c)) {
        return Err(NamespaceError::Name(new.name));
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(id: &str, name: &str) -> Namespace {
        Namespace { id: id.to_owned(), name: name.to_owned(), desc: String::new() }
    }

    #[test]
    fn ids_are_short_names_of_their_own() {
        let mut namespaces = Namespaces::default();
        namespaces.put(namespace("dev", "Dev"));
        let message = |id: &str, name: &str| namespaces.accept(namespace(id, name)).unwrap_err().to_string();
        assert_eq!(message("d.v", "n"), "namespaceId [d.v] mismatch the pattern");
        assert_eq!(message(&"a".repeat(129), "n"), "too long namespaceId, over 128");
        assert_eq!(message("dev", "n"), "namespaceId [dev] already exist.");
        assert_eq!(message("public", "n"), "namespaceId [public] already exist.");
        assert_eq!(message("new", "a#b"), "namespaceName [a#b] contains illegal char");
        assert!(namespaces.accept(namespace("new-1_a", "A name")).is_ok());
    }

    #[test]
    fn only_what_is_there_is_renamed() {
        let mut namespaces = Namespaces::default();
        namespaces.put(namespace("dev", "Dev"));
        assert!(namespaces.accept_update(namespace("dev", "Other")).is_ok());
        let absent = namespaces.accept_update(namespace("no", "n")).unwrap_err();
        assert_eq!(absent.to_string(), "namespaceId [ no ] not exist");
        namespaces.remove("dev");
        assert_eq!(namespaces.own().count(), 0);
    }
}
