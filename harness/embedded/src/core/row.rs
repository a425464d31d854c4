//! What is stored of a config: its formal row, its gray releases, and who wrote them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A config's content with what is served beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The content.
    pub content: Arc<str>,
    /// Its MD5 in lower-case hex.
    pub md5: Arc<str>,
    /// The config type, such as `text`.
    pub content_type: Arc<str>,
    /// When it was written, in milliseconds of the Unix epoch.
    pub last_modified_ms: u64,
    /// The key that the client encrypted it with, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted_data_key: Option<Arc<str>>,
}

/// Who wrote, from where and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// The address that the write came from.
    pub ip: Arc<str>,
    /// The user: logged in, or as declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<str>>,
    /// When, in milliseconds of the Unix epoch.
    pub at_ms: u64,
}

/// What a publisher may say about a config beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Labels {
    /// The application that it belongs to; empty for none.
    pub app_name: String,
    /// Tags to search by, separated by commas.
    pub config_tags: Option<String>,
    /// A description.
    pub desc: Option<String>,
    /// What it is used for.
    #[serde(rename = "use")]
    pub purpose: Option<String>,
    /// How it takes effect.
    pub effect: Option<String>,
    /// A schema of the content.
    pub schema: Option<String>,
}

/// A formal config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its number; it keeps it while it exists.
    pub id: u64,
    /// What is served.
    pub entry: Arc<Entry>,
    /// What its publishers said about it.
    pub labels: Labels,
    /// Who inserted it, and when.
    pub created: Author,
    /// Who wrote it last, and when.
    pub modified: Author,
}

/// Whom a gray release is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GrayRule {
    /// Clients at these addresses, separated by commas.
    Beta(String),
    /// Clients that carry this tag.
    Tag(String),
}

impl GrayRule {
    /// The release's name among those of its config.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Beta(_) => "beta".to_owned(),
            Self::Tag(tag) => format!("tag_{tag}"),
        }
    }

    /// Which of several releases a client sees: the highest (nacos-facts.md §1.3).
    #[must_use]
    pub const fn priority(&self) -> i32 {
        match self {
            Self::Beta(_) => i32::MAX,
            Self::Tag(_) => i32::MAX - 1,
        }
    }

    /// The type and the expression, as the real server writes them.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Beta(ips) => ("beta", ips),
            Self::Tag(tag) => ("tag", tag),
        }
    }

    /// A client that it is for.
    pub(super) fn insider(&self) -> Caller {
        match self {
            Self::Beta(ips) => Caller::at(ips.split(',').next().unwrap_or_default()),
            Self::Tag(tag) => Caller { tag: Some(tag.as_str().into()), ..Caller::at("") },
        }
    }

    fn matches(&self, caller: &Caller) -> bool {
        match self {
            Self::Beta(ips) => ips.split(',').any(|ip| *ip == *caller.ip),
            Self::Tag(tag) => caller.tag.as_deref() == Some(tag),
        }
    }
}

/// A gray release of a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gray {
    /// Its number.
    pub id: u64,
    /// Whom it is for.
    pub rule: GrayRule,
    /// What they are served.
    pub entry: Arc<Entry>,
    /// The application that it belongs to; empty for none.
    pub app_name: String,
    /// Who wrote it last, and when.
    pub modified: Author,
}

/// Who reads or listens, as far as gray releases care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The client's address: the transport's, or the one that the client declared.
    pub ip: Arc<str>,
    /// The tag that it carries.
    pub tag: Option<Arc<str>>,
}

impl Caller {
    /// A client at `ip` without a tag.
    #[must_use]
    pub fn at(ip: &str) -> Self {
        Self { ip: ip.into(), tag: None }
    }
}

/// What is visible of one config.
#[derive(Debug, Default)]
pub(super) struct Visible {
    pub(super) formal: Option<Arc<Entry>>,
    /// The highest priority first.
    grays: Vec<Arc<Gray>>,
}

impl Visible {
    /// The gray release that `caller` is served instead of the formal config.
    pub(super) fn gray_for(&self, caller: &Caller) -> Option<&Arc<Gray>> {
        self.grays.iter().find(|gray| gray.rule.matches(caller))
    }

    /// What `caller` is served.
    pub(super) fn entry_for(&self, caller: &Caller) -> Option<&Arc<Entry>> {
        match self.gray_for(caller) {
            Some(gray) => Some(&gray.entry),
            None => self.formal.as_ref(),
        }
    }

    /// The gray release that stands above the others.
    pub(super) fn highest_gray(&self) -> Option<&Arc<Gray>> {
        self.grays.first()
    }

    pub(super) fn gray_names(&self) -> impl Iterator<Item = String> {
        self.grays.iter().map(|gray| gray.rule.name())
    }

    pub(super) fn gray(&self, name: &str) -> Option<&Arc<Gray>> {
        self.grays.iter().find(|gray| gray.rule.name() == name)
    }

    /// Puts a gray release in place, or takes it away; answers what was there.
    pub(super) fn set_gray(&mut self, name: &str, gray: Option<Arc<Gray>>) -> Option<Arc<Gray>> {
        let at = self.grays.iter().position(|gray| gray.rule.name() == name);
        let before = at.map(|at| self.grays.remove(at));
        if let Some(gray) = gray {
            self.grays.push(gray);
            self.grays.sort_by_key(|gray| std::cmp::Reverse(gray.rule.priority()));
        }
        before
    }

    pub(super) fn is_empty(&self) -> bool {
        self.formal.is_none() && self.grays.is_empty()
    }
}
