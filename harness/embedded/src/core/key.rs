//! Which names are accepted, and what they mean in 2.x.

use shakedown_nacos::ConfigKey;

/// The longest names, in characters (2.5.0's parameter check, seen at a running one).
const DATA_ID_MAX_LEN: usize = 256;
const GROUP_MAX_LEN: usize = 128;
const TENANT_MAX_LEN: usize = 64;

/// Why a name is refused; the texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A name has other characters than ASCII letters, digits and `_ - . :` (a namespace: only the first two signs).
    #[error("Param '{0}' is illegal, illegal characters should not appear in the param.")]
    Characters(&'static str),
    /// A name is too long.
    #[error("Param '{0}' is illegal, the param length should not exceed {1}.")]
    Length(&'static str, usize),
    /// The data id is blank.
    #[error("invalid dataId : {0}")]
    BlankDataId(String),
    /// The group is blank.
    #[error("invalid group : {0}")]
    BlankGroup(String),
}

impl KeyError {
    /// Whether the server's parameter check says so, which stands before every handler and has answers of its own.
    #[must_use]
    pub const fn is_of_param_check(&self) -> bool {
        matches!(self, Self::Characters(_) | Self::Length(..))
    }
}

/// The parameter check, for every key that any call names. A blank name passes it.
///
/// # Errors
/// [`KeyError`] says which part is refused.
pub fn check_key(key: &ConfigKey) -> Result<(), KeyError> {
    let ConfigKey { data_id, group, tenant } = key;
    check("namespaceId/tenant", tenant, TENANT_MAX_LEN, "_-")?;
    check("dataId", data_id, DATA_ID_MAX_LEN, "_-.:")?;
    check("group", group, GROUP_MAX_LEN, "_-.:")
}

/// The stored key that a client's key means: checked, `public` and `null` mapped to the default namespace.
///
/// Listeners' keys do not take this way: in 2.x they are used as sent, so that one listening to `public` never
/// matches anything (nacos-facts.md §1.6, of 2.5.1; a running 2.5.0 maps nowhere).
///
/// # Errors
/// [`KeyError`] says which part is refused.
pub fn stored_key(sent: ConfigKey) -> Result<ConfigKey, KeyError> {
    check_key(&sent)?;
    let ConfigKey { data_id, group, tenant } = sent;
    if data_id.trim().is_empty() {
        return Err(KeyError::BlankDataId(data_id));
    }
    if group.trim().is_empty() {
        return Err(KeyError::BlankGroup(group));
    }
    let tenant = match tenant.trim() {
        "public" | "null" => String::new(),
        other => other.to_owned(),
    };
    Ok(ConfigKey { data_id, group, tenant })
}

fn check(param: &'static str, value: &str, max_len: usize, signs: &str) -> Result<(), KeyError> {
    if value.trim().is_empty() {
        return Ok(());
    }
    if value.chars().count() > max_len {
        return Err(KeyError::Length(param, max_len));
    }
    if value.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c)) {
        Ok(())
    } else {
        Err(KeyError::Characters(param))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant_of(tenant: &str) -> String {
        stored_key(ConfigKey::new("d", "g", tenant)).unwrap().tenant
    }

    #[test]
    fn letters_digits_and_the_four_signs_pass_up_to_the_longest() {
        let longest = |len| "a".repeat(len);
        assert!(stored_key(ConfigKey::new("a_b-c.d:9", "g_-.:1", "n-_1")).is_ok());
        assert!(stored_key(ConfigKey::new(longest(256), longest(128), longest(64))).is_ok());
    }

    #[test]
    fn other_signs_and_too_long_names_are_refused_with_the_servers_words() {
        let message =
            |d: &str, g: &str, t: &str| stored_key(ConfigKey::new(d, g, t)).unwrap_err().to_string();
        let characters =
            |param| format!("Param '{param}' is illegal, illegal characters should not appear in the param.");
        let length =
            |param, max| format!("Param '{param}' is illegal, the param length should not exceed {max}.");
        let long = "a".repeat(300);
        assert_eq!(message("a/b", "g", ""), characters("dataId"));
        assert_eq!(message("组", "g", ""), characters("dataId"));
        assert_eq!(message("d", "g g", ""), characters("group"));
        assert_eq!(message("d", "g", "a.b"), characters("namespaceId/tenant"));
        assert_eq!(message(&long, "g", ""), length("dataId", 256));
        assert_eq!(message("d", &long, ""), length("group", 128));
        assert_eq!(message("d", "g", &long), length("namespaceId/tenant", 64));
    }

    #[test]
    fn blank_names_are_refused_in_other_words() {
        let message = |d: &str, g: &str| stored_key(ConfigKey::public(d, g)).unwrap_err().to_string();
        assert_eq!(message(" ", "g"), "invalid dataId :  ");
        assert_eq!(message("d", ""), "invalid group : ");
    }

    #[test]
    fn public_is_the_default_namespace() {
        assert_eq!(tenant_of("public"), "");
        assert_eq!(tenant_of("null"), "");
        assert_eq!(tenant_of(" "), "");
        assert_eq!(tenant_of("dev"), "dev");
    }
}
