//! Users, roles and permissions, and who may do what (nacos-facts.md §1.8).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::search::is_like;
use super::token::{self, TokenError};

/// The role of those who may do everything.
pub(super) const ADMIN_ROLE: &str = "ROLE_ADMIN";

/// A user's name in a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Role {
    /// The role.
    pub role: String,
    /// The user.
    pub username: String,
}

/// What a role may do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Permission {
    /// The role.
    pub role: String,
    /// `namespace:group:config/dataId`, in which `*` stands for any text; the public namespace is `public` or empty.
    pub resource: String,
    /// `r`, `w` or `rw`.
    pub action: String,
}

/// A change of users, roles or permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccountsChange {
    /// The user now has this password, by its hash.
    PutUser(String, String),
    /// The user is gone.
    RemoveUser(String),
    /// The user is in the role.
    AddRole(Role),
    /// The user is not in the role any more.
    RemoveRole(Role),
    /// The role may do this.
    AddPermission(Permission),
    /// The role may not do it any more.
    RemovePermission(Permission),
}

/// Why a change is refused; the texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The user is there already.
    #[error("user '{0}' already exist!")]
    UserExists(String),
    /// There is no such user.
    #[error("user '{0}' not found!")]
    NoUser(String),
    /// The administrator stays.
    #[error("cannot delete admin: {0}")]
    DeletesAdmin(String),
    /// The user is in the role already.
    #[error("user '{0}' already bound to the role '{1}'!")]
    Bound(String, String),
    /// Nobody becomes administrator so.
    #[error("role '{ADMIN_ROLE}' is not permitted to create!")]
    AdminRole,
    /// Nobody is in the role.
    #[error("role {0} not found!")]
    NoRole(String),
}

/// How those who call are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The token of a login.
    pub token: Option<String>,
    /// A name and a password in the call itself, as the Node SDK sends them.
    pub password: Option<(String, String)>,
    /// The signature of an access key.
    pub signature: Option<Signature>,
}

/// An access key's signature of a call, `Base64(HMAC-SHA1(secret, resource + "+" + timestamp))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `Spas-AccessKey`.
    pub access_key: String,
    /// `Timestamp`, as sent.
    pub timestamp: String,
    /// `Spas-Signature`.
    pub signature: String,
}

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A config, or everything in a namespace when its names are empty.
    Config {
        /// The namespace, empty for the public one.
        tenant: &'a str,
        /// The group.
        group: &'a str,
        /// The data id.
        data_id: &'a str,
    },
    /// The server itself: users, roles, permissions, namespaces.
    Server,
    /// One's own account.
    User(&'a str),
}

/// Whether a call changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It reads or listens.
    Read,
    /// It writes.
    Write,
}

/// Why a call is refused with 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It names nobody, or a wrong password.
    #[error("user not found!")]
    NoUser,
    /// Its token is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Its access key or signature is wrong.
    #[error("signature of the access key does not match")]
    Signature,
    /// Its user may not do that.
    #[error("authorization failed!")]
    Forbidden,
}

/// What the accounts work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountRule {
    /// What tokens are signed with.
    pub(super) token_secret: Vec<u8>,
    /// How long tokens are good, in seconds.
    pub(super) token_ttl_s: u64,
    /// An access key and its secret, if signatures are verified.
    pub(super) access_key: Option<(String, String)>,
}

/// A login that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The token.
    pub token: String,
    /// How long it is good, in seconds.
    pub ttl_s: u64,
    /// Whether the user may do everything.
    pub is_admin: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Accounts {
    rule: AccountRule,
    /// Password hashes by name.
    users: BTreeMap<String, String>,
    roles: BTreeSet<Role>,
    permissions: BTreeSet<Permission>,
    /// Tokens that are good no longer than until then are not good any more.
    good_after_s: u64,
    /// Tokens that were handed out since they were last made invalid.
    issued: u64,
}

impl Accounts {
    pub(super) const fn new(rule: AccountRule) -> Self {
        Self {
            rule,
            users: BTreeMap::new(),
            roles: BTreeSet::new(),
            permissions: BTreeSet::new(),
            good_after_s: 0,
            issued: 0,
        }
    }

    pub(super) fn login(&mut self, now_s: u64, user: &str, password: &str) -> Result<Login, Denied> {
        if !self.is_password(user, password) {
            return Err(Denied::NoUser);
        }
        let ttl_s = self.rule.token_ttl_s;
        // One that is handed out in the second in which all others were made invalid is good.
        let expires_s = now_s.saturating_add(ttl_s).max(self.good_after_s.saturating_add(1));
        let token = token::issue(&self.rule.token_secret, user, expires_s);
        self.issued += 1;
        Ok(Login { token, ttl_s, is_admin: self.is_admin(user) })
    }

    /// Makes every token invalid that was handed out until now; answers how many were.
    pub(super) fn expire_tokens(&mut self, now_s: u64) -> u64 {
        self.good_after_s = now_s.saturating_add(self.rule.token_ttl_s).max(self.good_after_s);
        std::mem::take(&mut self.issued)
    }

    /// Whether somebody may do `action`; answers who it is, if it is a user.
    pub(super) fn authorize(
        &self,
        now_s: u64,
        credentials: &Credentials,
        resource: Resource<'_>,
        action: Action,
    ) -> Result<Option<String>, Denied> {
        if let Some(signed) = self.check_signature(credentials, resource) {
            return signed.map(|()| None);
        }
        let user = match (&credentials.token, &credentials.password) {
            (Some(token), _) => token::verify(&self.rule.token_secret, token, now_s.max(self.good_after_s))?,
            (None, Some((user, password))) if self.is_password(user, password) => user.clone(),
            (None, _) => return Err(Denied::NoUser),
        };
        if self.may(&user, resource, action) { Ok(Some(user)) } else { Err(Denied::Forbidden) }
    }

    /// Judges an access key's signature; `None` when none was sent, or none is verified here.
    pub(super) fn check_signature(
        &self,
        credentials: &Credentials,
        resource: Resource<'_>,
    ) -> Option<Result<(), Denied>> {
        let (access_key, secret) = self.rule.access_key.as_ref()?;
        let signed = credentials.signature.as_ref()?;
        let is_good = signed.access_key == *access_key && signed.is_by(secret, resource);
        Some(if is_good { Ok(()) } else { Err(Denied::Signature) })
    }

    fn may(&self, user: &str, resource: Resource<'_>, action: Action) -> bool {
        if self.is_admin(user) {
            return true;
        }
        let (tenant, rest) = match resource {
            Resource::Server => return false,
            Resource::User(other) => return user == other,
            Resource::Config { tenant, group, data_id } => {
                let any = |name: &str| if name.is_empty() { "*".to_owned() } else { name.to_owned() };
                (tenant, format!("{}:config/{}", any(group), any(data_id)))
            }
        };
        let letter = if action == Action::Read { 'r' } else { 'w' };
        let names = if tenant.is_empty() { ["", "public"] } else { [tenant, tenant] };
        let is_granted = |permission: &Permission| {
            permission.action.contains(letter)
                && names.iter().any(|name| is_like(&permission.resource, &format!("{name}:{rest}")))
        };
        self.roles
            .iter()
            .filter(|role| role.username == user)
            .any(|role| self.permissions.iter().any(|one| one.role == role.role && is_granted(one)))
    }

    fn is_password(&self, user: &str, password: &str) -> bool {
        self.users.get(user).is_some_and(|hash| *hash == token::password_hash(user, password))
    }

    pub(super) fn is_admin(&self, user: &str) -> bool {
        self.roles.iter().any(|role| role.username == user && role.role == ADMIN_ROLE)
    }

    pub(super) fn has_admin(&self) -> bool {
        self.roles.iter().any(|role| role.role == ADMIN_ROLE)
    }

    /// What makes `user` an administrator with this password.
    pub(super) fn admin(user: &str, password: &str) -> [AccountsChange; 2] {
        let role = Role { role: ADMIN_ROLE.to_owned(), username: user.to_owned() };
        let hash = token::password_hash(user, password);
        [AccountsChange::PutUser(user.to_owned(), hash), AccountsChange::AddRole(role)]
    }

    pub(super) fn accept_user(&self, user: &str, password: &str) -> Result<AccountsChange, AccountError> {
        if self.users.contains_key(user) {
            return Err(AccountError::UserExists(user.to_owned()));
        }
        Ok(AccountsChange::PutUser(user.to_owned(), token::password_hash(user, password)))
    }

    pub(super) fn accept_password(&self, user: &str, password: &str) -> Result<AccountsChange, AccountError> {
        self.known(user)?;
        Ok(AccountsChange::PutUser(user.to_owned(), token::password_hash(user, password)))
    }

    pub(super) fn accept_user_removal(&self, user: &str) -> Result<AccountsChange, AccountError> {
        if self.is_admin(user) {
            return Err(AccountError::DeletesAdmin(user.to_owned()));
        }
        Ok(AccountsChange::RemoveUser(user.to_owned()))
    }

    pub(super) fn accept_role(&self, role: Role) -> Result<AccountsChange, AccountError> {
        self.known(&role.username)?;
        if role.role == ADMIN_ROLE {
            return Err(AccountError::AdminRole);
        }
        if self.roles.contains(&role) {
            return Err(AccountError::Bound(role.username, role.role));
        }
        Ok(AccountsChange::AddRole(role))
    }

    pub(super) fn accept_permission(&self, permission: Permission) -> Result<AccountsChange, AccountError> {
        if !self.roles.iter().any(|role| role.role == permission.role) {
            return Err(AccountError::NoRole(permission.role));
        }
        Ok(AccountsChange::AddPermission(permission))
    }

    fn known(&self, user: &str) -> Result<(), AccountError> {
        if self.users.contains_key(user) { Ok(()) } else { Err(AccountError::NoUser(user.to_owned())) }
    }

    pub(super) fn apply(&mut self, change: AccountsChange) {
        match change {
            AccountsChange::PutUser(user, hash) => drop(self.users.insert(user, hash)),
            AccountsChange::RemoveUser(user) => {
                self.users.remove(&user);
                self.roles.retain(|role| role.username != user);
            }
            AccountsChange::AddRole(role) => drop(self.roles.insert(role)),
            AccountsChange::RemoveRole(role) => drop(self.roles.remove(&role)),
            AccountsChange::AddPermission(permission) => drop(self.permissions.insert(permission)),
            AccountsChange::RemovePermission(permission) => drop(self.permissions.remove(&permission)),
        }
    }

    /// What restores these accounts.
    pub(super) fn changes(&self) -> impl Iterator<Item = AccountsChange> {
        let users = self.users.iter().map(|(user, hash)| AccountsChange::PutUser(user.clone(), hash.clone()));
        let roles = self.roles.iter().cloned().map(AccountsChange::AddRole);
        users.chain(roles).chain(self.permissions.iter().cloned().map(AccountsChange::AddPermission))
    }

    pub(super) fn users(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users.iter().map(|(user, hash)| (&**user, &**hash))
    }

    pub(super) fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter()
    }

    pub(super) fn permissions(&self) -> impl Iterator<Item = &Permission> {
        self.permissions.iter()
    }
}

impl Signature {
    /// Clients sign the namespace and the group, or what they have of them, so each of these is good.
    fn is_by(&self, secret: &str, resource: Resource<'_>) -> bool {
        let mut signed = vec![self.timestamp.clone()];
        if let Resource::Config { tenant, group, .. } = resource {
            let parts = [tenant, group].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            signed.extend(parts.iter().map(|part| format!("{part}+{}", self.timestamp)));
            signed.push(format!("{}+{}", parts.join("+"), self.timestamp));
        }
        signed.iter().any(|text| spas_signature(secret, text) == self.signature)
    }
}

/// `Base64(HMAC-SHA1(secret, signed))`.
fn spas_signature(secret: &str, signed: &str) -> String {
    use base64::Engine as _;
    use hmac::{KeyInit as _, Mac as _};
    let mut mac =
        hmac::Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests;
