//! Searching the database, page by page.

use std::sync::Arc;

use shakedown_nacos::ConfigKey;

use super::row::Row;

/// The most items of one page (real: 500).
pub const PAGE_MAX: usize = 500;

/// What is searched for; an empty text matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// Whether `*` in the texts stands for any text.
    pub is_blurred: bool,
    /// The namespace, empty for the public one.
    pub tenant: String,
    /// The data id.
    pub data_id: String,
    /// The group.
    pub group: String,
    /// The application.
    pub app_name: String,
    /// Tags, separated by commas; one of them is enough.
    pub config_tags: String,
    /// Types, separated by commas. The real server looks at them only when blurred, and so does this.
    pub types: String,
    /// The content.
    pub content: String,
}

/// Which part of what was found is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOf {
    /// Which page, from 1.
    pub number: usize,
    /// Items of each.
    pub size: usize,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// How many items there are on all pages.
    pub total: usize,
    /// Which page this is, from 1.
    pub number: usize,
    /// How many pages there are.
    pub pages: usize,
    /// Its items.
    pub items: Vec<T>,
}

impl<T> Page<T> {
    /// The page of `items` that `wanted` names.
    #[must_use]
    pub fn of(items: Vec<T>, wanted: PageOf) -> Self {
        let size = wanted.size.clamp(1, PAGE_MAX);
        let total = items.len();
        let number = wanted.number.max(1);
        let items = items.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
        Self { total, number, pages: total.div_ceil(size), items }
    }

    /// The same page of other items.
    #[must_use]
    pub fn map<U>(self, item: impl FnMut(T) -> U) -> Page<U> {
        let Self { total, number, pages, items } = self;
        Page { total, number, pages, items: items.into_iter().map(item).collect() }
    }
}

/// A row with its key.
pub type KeyedRow = (Arc<ConfigKey>, Row);

impl Search {
    pub(super) fn matches(&self, key: &ConfigKey, row: &Row) -> bool {
        let tags = row.labels.config_tags.as_deref().unwrap_or_default();
        let has_one = |wanted: &str, own: &str| {
            wanted.is_empty()
                || wanted.split(',').any(|one| own.split(',').any(|other| self.meets(one, other)))
        };
        key.tenant == self.tenant
            && self.meets(&self.data_id, &key.data_id)
            && self.meets(&self.group, &key.group)
            && self.meets(&self.app_name, &row.labels.app_name)
            && has_one(&self.config_tags, tags)
            && (!self.is_blurred || has_one(&self.types, &row.entry.content_type))
            && self.meets(&self.content, &row.entry.content)
    }

    fn meets(&self, wanted: &str, text: &str) -> bool {
        if self.is_blurred {
            wanted.is_empty() || is_like(wanted, text)
        } else {
            wanted.is_empty() || wanted == text
        }
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for any text. Linear in both: a star that was passed once
/// is taken up again only from the last one.
pub(super) fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            last_star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == text.get(t) {
            p += 1;
            t += 1;
        } else if let Some((star, from)) = last_star {
            last_star = Some((star, from + 1));
            p = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text) in [("*", ""), ("*d*", "id"), ("a*c", "abc"), ("a*bc*d", "abbcxbcd"), ("", "")] {
            assert!(is_like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "x"), ("a*c", "ab"), ("*b", "ba"), ("ab", "abc"), ("a*b*c", "acb")] {
            assert!(!is_like(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn pages_count_from_one_and_the_last_may_be_short() {
        let page = |number, size| Page::of((1..=5).collect::<Vec<u32>>(), PageOf { number, size });
        assert_eq!(page(1, 2), Page { total: 5, number: 1, pages: 3, items: vec![1, 2] });
        assert_eq!(page(3, 2).items, [5]);
        assert_eq!(page(4, 2).items, Vec::<u32>::new());
        assert_eq!(page(0, 0), Page { total: 5, number: 1, pages: 5, items: vec![1] });
        assert_eq!(page(usize::MAX, usize::MAX).items, Vec::<u32>::new());
        assert_eq!(Page::of(Vec::<u32>::new(), PageOf { number: 1, size: 10 }).pages, 0);
    }
}
