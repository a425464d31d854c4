//! Parameters of an HTTP call: the query's and the form's, the query's first, as a servlet container has them.

use std::borrow::Cow;

/// The decoded parameters of one call.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(query: &str, form: &[u8]) -> Self {
        let both = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
        Self(both.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first value of `name`; an empty one is a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// The same, taken out.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }
}

/// A header's value as text; what is not text counts as absent.
pub(super) fn header<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    headers.get(name)?.to_str().ok().map(Cow::Borrowed)
}
