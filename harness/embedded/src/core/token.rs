//! Access tokens: JSON Web Tokens signed with HMAC-SHA-256, as the real server issues them (nacos-facts.md §1.8).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

const HEADER: &str = r#"{"alg":"HS256"}"#;

/// Why a token is refused; the texts are the real server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a token.
    #[error("token invalid!")]
    Invalid,
    /// Somebody else signed it.
    #[error("Invalid signature")]
    Signature,
    /// It was good once.
    #[error("token expired!")]
    Expired,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    exp: u64,
}

/// A token of `user` that is good until `expires_s`, in seconds of the Unix epoch.
pub(super) fn issue(secret: &[u8], user: &str, expires_s: u64) -> String {
    let claims = Claims { sub: user.to_owned(), exp: expires_s };
    let claims = serde_json::to_string(&claims).expect("a text and a number are JSON");
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(mac(secret, signed.as_bytes()).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// The user whose token this is, at `now_s` in seconds of the Unix epoch.
pub(super) fn verify(secret: &[u8], token: &str, now_s: u64) -> Result<String, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
    let (_, claims) = signed.split_once('.').ok_or(TokenError::Invalid)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Signature)?;
    mac(secret, signed.as_bytes()).verify_slice(&signature).map_err(|_| TokenError::Signature)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| TokenError::Invalid)?;
    let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Invalid)?;
    if claims.exp <= now_s { Err(TokenError::Expired) } else { Ok(claims.sub) }
}

/// What is stored of a password. It keeps passwords out of files and logs of a test server, no more: a slow hash, as
/// the real server has it, would hold up everything that shares this server's one thread.
pub(super) fn password_hash(user: &str, password: &str) -> String {
    let hash = mac(user.as_bytes(), password.as_bytes()).finalize().into_bytes();
    format!("hmac-sha256:{}", URL_SAFE_NO_PAD.encode(hash))
}

fn mac(secret: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(message);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"real-parts-test-key-0123456789abcde";

    #[test]
    fn a_token_is_the_real_servers_for_the_same_secret_user_and_time() {
        // Issued by a running 2.5.0 with this secret.
        let real = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJuYWNvcyIsImV4cCI6MTc5NTI5MDMxMX0.\
                    WCHidbbIgXE_EGypwhkZ0rYP0sZeee6O3C-7c494QjA";
        assert_eq!(issue(SECRET, "nacos", 1_795_290_311), real);
        assert_eq!(verify(SECRET, real, 1_795_290_310).as_deref(), Ok("nacos"));
        assert_eq!(verify(SECRET, real, 1_795_290_311), Err(TokenError::Expired));
    }

    #[test]
    fn what_is_not_a_token_of_this_server_is_refused() {
        let token = issue(SECRET, "nacos", 100);
        assert_eq!(verify(SECRET, "abc", 0), Err(TokenError::Invalid));
        assert_eq!(verify(SECRET, "a.b", 0), Err(TokenError::Invalid));
        assert_eq!(verify(SECRET, "", 0), Err(TokenError::Invalid));
        assert_eq!(verify(SECRET, &format!("{token}x"), 0), Err(TokenError::Signature));
        assert_eq!(verify(b"other", &token, 0), Err(TokenError::Signature));
        let forged = token.replacen("eyJzdWIi", "eyJzdWIj", 1);
        assert_eq!(verify(SECRET, &forged, 0), Err(TokenError::Signature));
    }

    #[test]
    fn equal_passwords_of_two_users_have_two_hashes() {
        assert_eq!(password_hash("a", "pw"), password_hash("a", "pw"));
        assert_ne!(password_hash("a", "pw"), password_hash("b", "pw"));
        assert_ne!(password_hash("a", "pw"), password_hash("a", "pw2"));
    }
}
