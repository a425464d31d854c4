//! The rules that every publish must keep (nacos-facts.md §1.3), with the real server's words.

use super::key::KeyError;
use super::row::Labels;

/// The longest content, in UTF-16 units: the real server counts characters, not bytes.
pub(super) const CONTENT_MAX_LEN: usize = 10 * 1024 * 1024;

/// The config types that are kept; any other is stored as `text`.
const KNOWN_TYPES: [&str; 8] = ["properties", "xml", "json", "text", "html", "yaml", "toml", "unset"];

const TAG_MAX_LEN: usize = 16;
const CONFIG_TAGS_MAX: usize = 5;
const CONFIG_TAG_MAX_LEN: usize = 64;
const DESC_MAX_LEN: usize = 128;
const USE_MAX_LEN: usize = 32;
const SCHEMA_MAX_LEN: usize = 32_768;

/// Why a publish is refused; the texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The name is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The content is empty or white space.
    #[error("content is blank : {0}")]
    Blank(String),
    /// The content is longer than 10·1024·1024 UTF-16 units.
    #[error("invalid content, over {CONTENT_MAX_LEN}")]
    TooLong,
    /// The tag of a gray release has other signs than a data id.
    #[error("invalid tag : {0}")]
    Tag(String),
    /// The tag of a gray release is too long.
    #[error("too long tag, over {TAG_MAX_LEN}")]
    TagTooLong,
    /// Something that is said about the config is too long, or there is too much of it.
    #[error("too {0}, over {1}")]
    Label(&'static str, usize),
    /// Other content is stored than the publisher expected.
    #[error("Cas publish fail, server md5 may have changed.")]
    CasLost,
    /// The same of a gray release.
    #[error("Cas publish gray config fail, server md5 may have changed.")]
    GrayCasLost,
    /// The config has as many gray releases as it may have.
    #[error("gray config version is over max count :{0}")]
    TooManyGrays(usize),
}

impl PublishError {
    /// Whether the real server raises it from its publish operation, and not from a check of parameters before.
    #[must_use]
    pub const fn is_of_operation(&self) -> bool {
        matches!(self, Self::Label(..) | Self::CasLost | Self::GrayCasLost | Self::TooManyGrays(_))
    }

    /// Whether a compare-and-set did not find what it expected.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::CasLost | Self::GrayCasLost)
    }
}

/// Checks the content.
pub(super) fn check_content(content: &str) -> Result<(), PublishError> {
    if content.trim().is_empty() {
        return Err(PublishError::Blank(content.to_owned()));
    }
    if content.len() > CONTENT_MAX_LEN && content.encode_utf16().count() > CONTENT_MAX_LEN {
        return Err(PublishError::TooLong);
    }
    Ok(())
}

/// Checks the tag of a gray release.
///
/// # Errors
/// [`PublishError`] says what is wrong with it.
pub(super) fn check_tag(tag: &str) -> Result<(), PublishError> {
    if !tag.trim().chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c)) {
        return Err(PublishError::Tag(tag.to_owned()));
    }
    if tag.chars().count() > TAG_MAX_LEN {
        return Err(PublishError::TagTooLong);
    }
    Ok(())
}

/// Checks what is said about a config.
pub(super) fn check_labels(labels: &Labels) -> Result<(), PublishError> {
    if let Some(tags) = &labels.config_tags {
        if tags.split(',').count() > CONFIG_TAGS_MAX {
            return Err(PublishError::Label("much config_tags", CONFIG_TAGS_MAX));
        }
        if tags.split(',').any(|tag| is_longer(Some(tag), CONFIG_TAG_MAX_LEN)) {
            return Err(PublishError::Label("long tag", CONFIG_TAG_MAX_LEN));
        }
    }
    let texts = [
        ("long desc", &labels.desc, DESC_MAX_LEN),
        ("long use", &labels.purpose, USE_MAX_LEN),
        ("long effect", &labels.effect, USE_MAX_LEN),
        ("long schema", &labels.schema, SCHEMA_MAX_LEN),
    ];
    for (what, text, max) in texts {
        if is_longer(text.as_deref(), max) {
            return Err(PublishError::Label(what, max));
        }
    }
    Ok(())
}

fn is_longer(text: Option<&str>, max: usize) -> bool {
    text.is_some_and(|text| text.chars().count() > max)
}

/// The type as it is stored.
pub(super) fn known_type(name: Option<&str>) -> &'static str {
    name.and_then(|name| KNOWN_TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(name)))
        .unwrap_or("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(labels: &Labels) -> Option<String> {
        check_labels(labels).err().map(|error| error.to_string())
    }

    #[test]
    fn labels_up_to_their_limits_pass_and_beyond_are_refused_with_the_servers_words() {
        let text = |len| Some("a".repeat(len));
        let longest = Labels {
            app_name: String::new(),
            config_tags: Some(["a".repeat(64).as_str(), "b", "c", "d", "e"].join(",")),
            desc: text(128),
            purpose: text(32),
            effect: text(32),
            schema: text(32_768),
        };
        assert_eq!(refusal(&longest), None);
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (Labels { config_tags: some("1,2,3,4,5,6"), ..Labels::default() }, "much config_tags, over 5"),
            (Labels { config_tags: text(65), ..Labels::default() }, "long tag, over 64"),
            (Labels { desc: text(129), ..Labels::default() }, "long desc, over 128"),
            (Labels { purpose: text(33), ..Labels::default() }, "long use, over 32"),
            (Labels { effect: text(33), ..Labels::default() }, "long effect, over 32"),
            (Labels { schema: text(32_769), ..Labels::default() }, "long schema, over 32768"),
        ];
        for (labels, expected) in cases {
            assert_eq!(refusal(&labels), Some(format!("too {expected}")));
        }
    }

    #[test]
    fn tags_are_short_names() {
        assert_eq!(check_tag("v1.0_a-b:c"), Ok(()));
        assert_eq!(check_tag("a b").unwrap_err().to_string(), "invalid tag : a b");
        assert_eq!(check_tag(&"a".repeat(17)).unwrap_err().to_string(), "too long tag, over 16");
    }

    #[test]
    fn known_types_are_kept_in_lower_case_and_others_are_text() {
        assert_eq!(known_type(Some("YAML")), "yaml");
        assert_eq!(known_type(Some("exe")), "text");
        assert_eq!(known_type(None), "text");
    }
}
