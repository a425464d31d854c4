//! Which names a publish, a read or a removal accepts, and what they mean in 2.x.

use shakedown_nacos::ConfigKey;

/// The longest namespace id, in UTF-16 units (nacos-facts.md §1.3).
const TENANT_MAX_LEN: usize = 128;

/// Why a name is refused; the texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The data id is blank or has other characters than letters, digits and `_ - . :`.
    #[error("invalid dataId : {0}")]
    DataId(String),
    /// The group likewise.
    #[error("invalid group : {0}")]
    Group(String),
    /// The namespace has other characters.
    #[error("invalid tenant")]
    Tenant,
    /// The namespace is longer than 128 characters.
    #[error("too long tenant, over 128")]
    TenantLength,
}

/// The stored key that a client's key means: checked, `public` and `null` mapped to the default namespace.
///
/// Listeners' keys do not take this way: in 2.x they are used as sent, so that one listening to `public` never
/// matches anything (nacos-facts.md §1.6).
///
/// # Errors
/// [`KeyError`] says which part is refused.
pub fn stored_key(sent: ConfigKey) -> Result<ConfigKey, KeyError> {
    let ConfigKey { data_id, group, tenant } = sent;
    if !tenant.trim().is_empty() {
        if !is_valid(tenant.trim()) {
            return Err(KeyError::Tenant);
        }
        if tenant.encode_utf16().count() > TENANT_MAX_LEN {
            return Err(KeyError::TenantLength);
        }
    }
    if data_id.trim().is_empty() || !is_valid(data_id.trim()) {
        return Err(KeyError::DataId(data_id));
    }
    if group.trim().is_empty() || !is_valid(&group) {
        return Err(KeyError::Group(group));
    }
    let tenant = match tenant.trim() {
        "public" | "null" => String::new(),
        other => other.to_owned(),
    };
    Ok(ConfigKey { data_id, group, tenant })
}

/// Java's letters and digits (a surrogate is neither) and four signs.
fn is_valid(name: &str) -> bool {
    name.chars()
        .all(|c| matches!(c, '_' | '-' | '.' | ':') || (c.is_alphanumeric() && u32::from(c) <= 0xFFFF))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant_of(tenant: &str) -> String {
        stored_key(ConfigKey::new("d", "g", tenant)).unwrap().tenant
    }

    #[test]
    fn the_four_signs_letters_and_digits_of_any_script_pass() {
        assert!(stored_key(ConfigKey::public("a_b-c.d:9", "组")).is_ok());
    }

    #[test]
    fn other_signs_blanks_and_long_namespaces_are_refused_with_the_servers_words() {
        let message =
            |d: &str, g: &str, t: &str| stored_key(ConfigKey::new(d, g, t)).unwrap_err().to_string();
        assert_eq!(message("a/b", "g", ""), "invalid dataId : a/b");
        assert_eq!(message(" ", "g", ""), "invalid dataId :  ");
        assert_eq!(message("d", "g g", ""), "invalid group : g g");
        assert_eq!(message("d", "", ""), "invalid group : ");
        assert_eq!(message("d", "g", "a?"), "invalid tenant");
        assert_eq!(message("d", "g", &"t".repeat(129)), "too long tenant, over 128");
        assert_eq!(message("d𝒳", "g", ""), "invalid dataId : d𝒳");
    }

    #[test]
    fn public_is_the_default_namespace() {
        assert_eq!(tenant_of("public"), "");
        assert_eq!(tenant_of("null"), "");
        assert_eq!(tenant_of(" "), "");
        assert_eq!(tenant_of("dev"), "dev");
    }
}
