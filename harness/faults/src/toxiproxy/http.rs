//! The client over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{ProxyApi, ProxyApiError, ProxyConfig, ProxyState, ToxicConfig, ToxicKind};

/// How long one call may take. A real Toxiproxy with 9,000 connections needs up to 0.65 s to change a toxic.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of one proxy server's API.
#[derive(Debug, Clone)]
pub struct ToxiproxyClient {
    api: Url,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Populated {
    proxies: Vec<ProxyState>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl ToxiproxyClient {
    /// A client of the API at `api`. Proxies named in the environment are not used.
    ///
    /// # Errors
    /// When the client cannot be set up; nothing is sent yet.
    pub fn new(api: SocketAddr) -> Result<Self, ProxyApiError> {
        let failed = |source| ProxyApiError::Client { api: api.to_string(), source };
        let url = Url::parse(&format!("http://{api}/")).map_err(|e| failed(e.into()))?;
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(|e| failed(e.into()))?;
        Ok(Self { api: url, http })
    }

    /// The server's version.
    ///
    /// # Errors
    /// See [`ProxyApiError`].
    pub async fn version(&self) -> Result<String, ProxyApiError> {
        let answer: Version = self.read(Method::GET, &["version"], None).await?;
        Ok(answer.version)
    }

    /// Creates these proxies; one that exists with the same addresses is kept, one with others is replaced.
    ///
    /// # Errors
    /// See [`ProxyApiError`]; a port that is taken is `Refused` with status 500.
    pub async fn populate(&self, proxies: &[ProxyConfig]) -> Result<Vec<ProxyState>, ProxyApiError> {
        let answer: Populated = self.read(Method::POST, &["populate"], Some(json!(proxies))).await?;
        Ok(answer.proxies)
    }

    /// Every proxy with its toxics, by name.
    ///
    /// # Errors
    /// See [`ProxyApiError`].
    pub async fn proxies(&self) -> Result<Vec<ProxyState>, ProxyApiError> {
        let answer: BTreeMap<String, ProxyState> = self.read(Method::GET, &["proxies"], None).await?;
        Ok(answer.into_values().collect())
    }

    /// Creates a proxy.
    ///
    /// # Errors
    /// See [`ProxyApiError`]; a name that exists is `Refused` with status 409.
    pub async fn create(&self, proxy: &ProxyConfig) -> Result<ProxyState, ProxyApiError> {
        self.read(Method::POST, &["proxies"], Some(json!(proxy))).await
    }

    /// Opens or closes a proxy; closing ends its connections (in order, on the real one: the client sees a FIN).
    ///
    /// # Errors
    /// See [`ProxyApiError`].
    pub async fn set_enabled(&self, proxy: &str, enabled: bool) -> Result<ProxyState, ProxyApiError> {
        self.read(Method::POST, &["proxies", proxy], Some(json!({"enabled": enabled}))).await
    }

    /// Deletes a proxy and ends its connections.
    ///
    /// # Errors
    /// See [`ProxyApiError`].
    pub async fn delete(&self, proxy: &str) -> Result<(), ProxyApiError> {
        self.call(Method::DELETE, &["proxies", proxy], None).await.map(drop)
    }

    /// Adds a toxic.
    ///
    /// # Errors
    /// See [`ProxyApiError`]; a name that exists is `Refused` with status 409.
    pub async fn add_toxic(&self, proxy: &str, toxic: &ToxicConfig) -> Result<(), ProxyApiError> {
        self.call(Method::POST, &["proxies", proxy, "toxics"], Some(toxic.body())).await.map(drop)
    }

    /// Changes what a toxic does; its type and direction stay as they are.
    ///
    /// # Errors
    /// See [`ProxyApiError`].
    pub async fn update_toxic(&self, proxy: &str, toxic: &str, kind: ToxicKind) -> Result<(), ProxyApiError> {
        let body = json!({"toxicity": 1.0, "attributes": kind.attributes()});
        self.call(Method::POST, &["proxies", proxy, "toxics", toxic], Some(body)).await.map(drop)
    }

    /// Removes a toxic.
    ///
    /// # Errors
    /// See [`ProxyApiError`].
    pub async fn remove_toxic(&self, proxy: &str, toxic: &str) -> Result<(), ProxyApiError> {
        self.call(Method::DELETE, &["proxies", proxy, "toxics", toxic], None).await.map(drop)
    }

    /// Enables every proxy and removes every toxic, those of links included.
    ///
    /// # Errors
    /// See [`ProxyApiError`].
    pub async fn reset(&self) -> Result<(), ProxyApiError> {
        self.call(Method::POST, &["reset"], None).await.map(drop)
    }

    async fn read<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<T, ProxyApiError> {
        let (call, answer) = self.call(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|source| ProxyApiError::Unreadable { call, source })
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<(String, Vec<u8>), ProxyApiError> {
        let mut url = self.api.clone();
        url.path_segments_mut().expect("an http URL has a path").clear().extend(path);
        let call = format!("{method} {}", url.path());
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let exchange = async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok((status, answer.bytes().await?))
        };
        let (status, answer) = exchange.await.map_err(|source: reqwest::Error| {
            let api = self.api.authority().to_owned();
            ProxyApiError::Unreachable { call: call.clone(), api, source: source.without_url().into() }
        })?;
        if status.is_success() {
            Ok((call, answer.to_vec()))
        } else {
            Err(ProxyApiError::Refused { call, status: status.as_u16(), text: error_text(&answer) })
        }
    }
}

/// The `error` of the answer's JSON (called `title` before Toxiproxy 2.0), or the answer itself, cut short.
fn error_text(answer: &[u8]) -> String {
    let stated = serde_json::from_slice::<Value>(answer).ok().and_then(|json| {
        ["error", "title"].iter().find_map(|key| json.get(key)?.as_str().map(str::to_owned))
    });
    stated.unwrap_or_else(|| String::from_utf8_lossy(answer).trim().chars().take(200).collect())
}

impl ProxyApi for ToxiproxyClient {
    fn proxies(&self) -> BoxFuture<'_, Result<Vec<ProxyState>, ProxyApiError>> {
        Box::pin(self.proxies())
    }

    fn set_enabled<'a>(&'a self, proxy: &'a str, enabled: bool) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(async move { self.set_enabled(proxy, enabled).await.map(drop) })
    }

    fn add_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a ToxicConfig,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(self.add_toxic(proxy, toxic))
    }

    fn remove_toxic<'a>(
        &'a self,
        proxy: &'a str,
        toxic: &'a str,
    ) -> BoxFuture<'a, Result<(), ProxyApiError>> {
        Box::pin(self.remove_toxic(proxy, toxic))
    }
}

#[cfg(test)]
mod tests;
