//! What operators ask of the core: rows, history, who listens, namespaces and accounts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use shakedown_model::plan::AuthScope;
use shakedown_nacos::ConfigKey;

use super::accounts::Accounts;
use super::{
    AccountError, AccountsChange, Action, Author, Change, Core, Credentials, Denied, Gray, HistoryItem,
    KeyedRow, Labels, Login, Namespace, NamespaceError, Page, PageOf, Permission, PublishError, Resource,
    Role, Row, Search,
};

/// The period of the history's cleaner (real: 10 minutes).
const HISTORY_CLEANING: Duration = Duration::from_secs(600);

/// Whose listens are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerOf<'a> {
    /// Of everybody who listens to this config.
    Config(&'a ConfigKey),
    /// Of the clients at this address.
    Ip(&'a str),
}

/// A listen: who, to what, and the MD5 that the client held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The client's address.
    pub ip: Arc<str>,
    /// The config.
    pub key: Arc<ConfigKey>,
    /// The MD5; empty for nothing.
    pub md5: Box<str>,
}

impl Core {
    /// The row of a config.
    #[must_use]
    pub fn row(&self, key: &ConfigKey) -> Option<&Row> {
        self.database.row(key)
    }

    /// The beta release of a config.
    #[must_use]
    pub fn beta(&self, key: &ConfigKey) -> Option<&Arc<Gray>> {
        self.database.gray(key, "beta")
    }

    /// What takes the beta release of a config away; `None` when there is none.
    #[must_use]
    pub fn beta_removal(&self, now: Duration, key: ConfigKey, from: &Author) -> Option<Change> {
        self.beta(&key)?;
        let author = Author { at_ms: self.wall_ms(now), ..from.clone() };
        Some(Change::RemoveGray(key, "beta".to_owned(), author))
    }

    /// What takes the configs of these numbers away, as far as there are such.
    #[must_use]
    pub fn removals(&self, now: Duration, ids: &[u64], from: &Author) -> Vec<Change> {
        let author = Author { at_ms: self.wall_ms(now), ..from.clone() };
        let keys = ids.iter().filter_map(|id| self.database.key_of(*id));
        keys.map(|key| Change::Remove(key.clone(), author.clone())).collect()
    }

    /// What gives a config other words; `None` when there is no such config.
    ///
    /// # Errors
    /// [`PublishError`] says what is wrong with them.
    pub fn accept_words(
        &self,
        key: &ConfigKey,
        desc: Option<String>,
        config_tags: Option<String>,
    ) -> Result<Option<Change>, PublishError> {
        let Some(row) = self.database.row(key) else { return Ok(None) };
        let labels = Labels {
            desc: desc.or_else(|| row.labels.desc.clone()),
            config_tags: config_tags.or_else(|| row.labels.config_tags.clone()),
            ..row.labels.clone()
        };
        super::rules::check_labels(&labels)?;
        Ok(Some(Change::Put(key.clone(), Row { labels, ..row.clone() })))
    }

    /// The rows that a search finds, by their numbers.
    #[must_use]
    pub fn search(&self, search: &Search, page: PageOf) -> Page<KeyedRow> {
        let found = self.database.rows().filter(|(key, row)| search.matches(key, row));
        Page::of(found.collect(), page).map(|(key, row)| (Arc::clone(key), row.clone()))
    }

    /// How many configs a namespace has.
    #[must_use]
    pub fn config_count(&self, tenant: &str) -> usize {
        self.database.rows().filter(|(key, _)| key.tenant == tenant).count()
    }

    /// The changes of a config, the newest first.
    #[must_use]
    pub fn history(&self, key: &ConfigKey, page: PageOf) -> Page<Arc<HistoryItem>> {
        Page::of(self.database.history.of(key), page)
    }

    /// One change.
    #[must_use]
    pub fn history_item(&self, nid: u64) -> Option<Arc<HistoryItem>> {
        self.database.history.item(nid)
    }

    /// What the config of this number was before its last change.
    #[must_use]
    pub fn previous(&self, id: u64) -> Option<Arc<HistoryItem>> {
        self.database.history.previous(id)
    }

    /// Forgets old history now and then.
    pub(super) fn clean_history(&mut self, now: Duration) {
        if now.saturating_sub(self.history_cleaned_at) >= HISTORY_CLEANING {
            self.history_cleaned_at = now;
            let wall_ms = self.wall_ms(now);
            self.database.history.expire(wall_ms);
        }
    }

    /// Who listens, over either protocol; of several listens of one client to one config, one.
    #[must_use]
    pub fn listens(&self, of: ListenerOf<'_>) -> Vec<Listener> {
        let all = self.connections.listens().chain(self.polls.listens());
        let wanted = all.filter(|(caller, key, _)| match of {
            ListenerOf::Config(config) => ***key == *config,
            ListenerOf::Ip(ip) => *caller.ip == *ip,
        });
        let unique: BTreeMap<_, _> = wanted
            .map(|(caller, key, listen)| ((Arc::clone(&caller.ip), Arc::clone(key)), listen.md5.clone()))
            .collect();
        unique.into_iter().map(|((ip, key), md5)| Listener { ip, key, md5 }).collect()
    }

    /// Every namespace but the public one.
    pub fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        self.database.namespaces.own()
    }

    /// Judges a namespace: a new one, or new words for an old one.
    ///
    /// # Errors
    /// [`NamespaceError`] says why it is refused.
    pub fn accept_namespace(&self, namespace: Namespace, is_new: bool) -> Result<Change, NamespaceError> {
        let namespaces = &self.database.namespaces;
        let accepted =
            if is_new { namespaces.accept(namespace) } else { namespaces.accept_update(namespace) };
        accepted.map(Change::PutNamespace)
    }

    /// Logs a user in.
    ///
    /// # Errors
    /// [`Denied`] when the name or the password is wrong.
    pub fn login(&mut self, now: Duration, user: &str, password: &str) -> Result<Login, Denied> {
        self.database.accounts.login(self.wall_ms(now) / 1000, user, password)
    }

    /// Makes every token invalid that was handed out until now; answers how many were.
    pub fn expire_tokens(&mut self, now: Duration) -> u64 {
        let now_s = self.wall_ms(now) / 1000;
        self.database.accounts.expire_tokens(now_s)
    }

    /// Whether a call may be made; answers who makes it, if it is a user.
    ///
    /// # Errors
    /// [`Denied`] says why not.
    pub fn authorize(
        &self,
        now: Duration,
        credentials: &Credentials,
        resource: Resource<'_>,
        action: Action,
    ) -> Result<Option<String>, Denied> {
        self.database.accounts.authorize(self.wall_ms(now) / 1000, credentials, resource, action)
    }

    /// Whether a wrong signature is refused where no login is needed.
    ///
    /// # Errors
    /// [`Denied::Signature`] when there is one and it is wrong.
    pub fn check_signature(&self, credentials: &Credentials, resource: Resource<'_>) -> Result<(), Denied> {
        self.database.accounts.check_signature(credentials, resource).unwrap_or(Ok(()))
    }

    /// Whether calls of this kind need a login: those of the 3.x admin API, or any other.
    #[must_use]
    pub const fn needs_login(&self, is_admin_api: bool) -> bool {
        let is_in_scope = match self.settings.auth_scope {
            AuthScope::Everything => true,
            AuthScope::Admin => is_admin_api,
        };
        self.needs_login && is_in_scope
    }

    /// What makes the first administrator; `None` when there is one.
    #[must_use]
    pub fn first_admin(&self, user: &str, password: &str) -> Option<[Change; 2]> {
        let is_first = !self.database.accounts.has_admin();
        is_first.then(|| Accounts::admin(user, password).map(Change::Accounts))
    }

    /// Judges a new user.
    ///
    /// # Errors
    /// [`AccountError`] says why it is refused.
    pub fn accept_user(&self, user: &str, password: &str) -> Result<Change, AccountError> {
        self.database.accounts.accept_user(user, password).map(Change::Accounts)
    }

    /// Judges a user's new password.
    ///
    /// # Errors
    /// [`AccountError`] when there is no such user.
    pub fn accept_password(&self, user: &str, password: &str) -> Result<Change, AccountError> {
        self.database.accounts.accept_password(user, password).map(Change::Accounts)
    }

    /// Judges the end of a user.
    ///
    /// # Errors
    /// [`AccountError`] when it is an administrator.
    pub fn accept_user_removal(&self, user: &str) -> Result<Change, AccountError> {
        self.database.accounts.accept_user_removal(user).map(Change::Accounts)
    }

    /// Judges a user's entry into a role.
    ///
    /// # Errors
    /// [`AccountError`] says why it is refused.
    pub fn accept_role(&self, role: Role) -> Result<Change, AccountError> {
        self.database.accounts.accept_role(role).map(Change::Accounts)
    }

    /// What takes users out of a role: one, or all of them.
    #[must_use]
    pub fn role_removal(&self, role: &str, user: Option<&str>) -> Vec<Change> {
        let roles = self.database.accounts.roles();
        let gone = roles.filter(|one| one.role == role && user.is_none_or(|user| one.username == user));
        gone.map(|one| Change::Accounts(AccountsChange::RemoveRole(one.clone()))).collect()
    }

    /// Judges a permission.
    ///
    /// # Errors
    /// [`AccountError`] when nobody is in the role.
    pub fn accept_permission(&self, permission: Permission) -> Result<Change, AccountError> {
        self.database.accounts.accept_permission(permission).map(Change::Accounts)
    }

    /// The users, each with the hash of its password.
    pub fn users(&self) -> impl Iterator<Item = (&str, &str)> {
        self.database.accounts.users()
    }

    /// Who is in which role.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.database.accounts.roles()
    }

    /// Which role may do what.
    pub fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.database.accounts.permissions()
    }
}
