//! Paths, parameters and header names of v1 (facts §1.2, §1.4).

/// Get, publish and delete of one config.
pub const CONFIGS_PATH: &str = "/nacos/v1/cs/configs";
/// The long poll.
pub const LISTENER_PATH: &str = "/nacos/v1/cs/configs/listener";
/// Whether a 1.x or 2.x server is ready to answer.
pub const READINESS_PATH: &str = "/nacos/v1/console/health/readiness";
/// Whether a 3.x server is ready to answer.
pub const READINESS_PATH_V3: &str = "/nacos/v3/admin/core/state/readiness";

/// The form field that holds the listened items.
pub const LISTENING_CONFIGS: &str = "Listening-Configs";
/// How long the client is ready to wait, in milliseconds; its presence alone selects a long poll.
pub const LONG_PULLING_TIMEOUT: &str = "long-pulling-timeout";
/// `true`: answer at once even when nothing changed.
pub const NO_HANGUP: &str = "long-pulling-timeout-no-hangup";
/// The MD5 of the content of a get.
pub const CONTENT_MD5: &str = "content-md5";
/// The file type of the content of a get, `text` unless published otherwise.
pub const CONFIG_TYPE: &str = "config-type";
/// The MD5 that a compare-and-set publish expects the server to hold.
pub const CAS_MD5: &str = "casmd5";
/// The client's name and version.
pub const CLIENT_VERSION: &str = "client-version";
/// The addresses of the clients that a gray (beta) release is for, separated by commas.
pub const BETA_IPS: &str = "betaips";
/// The token of a login.
pub const ACCESS_TOKEN: &str = "accesstoken";
