//! Names of hosts, as people give them.

use std::net::SocketAddr;

/// The address of `host:port`: its first IPv4 one, else its first.
///
/// # Errors
/// In words, with the name.
pub(crate) async fn resolve(host_and_port: &str) -> Result<SocketAddr, String> {
    let found = tokio::net::lookup_host(host_and_port).await;
    let found: Vec<SocketAddr> =
        found.map_err(|error| format!("`{host_and_port}` cannot be resolved: {error}"))?.collect();
    let v4 = found.iter().find(|address| address.is_ipv4());
    v4.or(found.first()).copied().ok_or_else(|| format!("`{host_and_port}` has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_and_numbers_are_resolved_and_what_is_none_is_named() {
        assert_eq!(resolve("localhost:8848").await.unwrap(), "127.0.0.1:8848".parse().unwrap());
        assert_eq!(resolve("127.0.0.1:80").await.unwrap().port(), 80);
        let error = resolve("no port at all").await.unwrap_err();
        assert!(error.contains("`no port at all`"), "{error}");
    }
}
