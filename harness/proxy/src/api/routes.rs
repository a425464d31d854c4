//! From a request to a registry call to an answer.

use std::rc::Rc;

use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use serde::Serialize;

use super::answer::{self, Answer, ErrorBody};
use super::route::{self, Route};
use super::{Api, request};
use crate::metrics;
use crate::registry::{NewProxy, ProxyUpdate, Registry, RegistryError};

/// The answer to `POST /populate`: what was created, beside the error if there was one.
#[derive(Serialize)]
struct Populated<T: Serialize> {
    #[serde(flatten)]
    error: Option<ErrorBody>,
    proxies: Option<Vec<T>>,
}

impl Api {
    /// The answer to one request. As in Toxiproxy, only a request that has a route is looked at further.
    pub(super) async fn answer(self: Rc<Self>, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        if let Some(shortest) = route::shortest(path) {
            return answer::moved(&shortest);
        }
        let Some(route) = Route::of(path) else {
            return answer::text(StatusCode::NOT_FOUND, "404 page not found");
        };
        if !route.takes(request.method()) {
            return answer::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let id = self.requests.replace(self.requests.get() + 1);
        answer::with_request_id(self.answer_at(route, request).await, id)
    }

    /// Creates the proxies of a body for `POST /populate`, before anybody asks.
    pub(super) async fn populate(&self, body: &[u8]) -> Result<(), RegistryError> {
        let wanted = request::new_proxies(body)?;
        create_all(&mut *self.registry.lock().await, wanted).await.1.map_or(Ok(()), Err)
    }

    async fn answer_at(self: Rc<Self>, route: Route, request: Request<Incoming>) -> Answer {
        // Toxiproxy keeps web pages from reaching it through a browser.
        let agent = request.headers().get(header::USER_AGENT).map(header::HeaderValue::as_bytes);
        if agent.is_some_and(|agent| agent.starts_with(b"Mozilla/")) {
            return answer::text(StatusCode::FORBIDDEN, "User agent not allowed");
        }
        let method = request.method().clone();
        let body = match request::read(request.into_body()).await {
            Ok(body) => body,
            Err(error) => return answer::error(&error),
        };
        match route {
            Route::Version => answer::version(),
            Route::Metrics => answer::metrics(metrics::text(&self.stats)),
            Route::Stats => answer::json(StatusCode::OK, &self.stats.read()),
            route => {
                // A caller who hangs up must not leave a change half done.
                let act = async move { act(&mut *self.registry.lock().await, route, &method, &body).await };
                let answered = tokio::task::spawn_local(act).await.unwrap_or(Err(RegistryError::Defect));
                answered.unwrap_or_else(|error| answer::error(&error))
            }
        }
    }
}

async fn act(
    registry: &mut Registry,
    route: Route,
    method: &Method,
    body: &[u8],
) -> Result<Answer, RegistryError> {
    Ok(match (route, method) {
        (Route::Reset, &Method::POST) => {
            registry.reset().await?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        (Route::Populate, &Method::POST) => populate(registry, body).await,
        (Route::Proxies, &Method::GET) => answer::json(StatusCode::OK, &registry.views()),
        (Route::Proxies, &Method::POST) => {
            answer::json(StatusCode::CREATED, &registry.create(request::new_proxy(body)?).await?)
        }
        (Route::Proxy(name), &Method::GET) => answer::json(StatusCode::OK, &registry.view(&name)?),
        (Route::Proxy(name), &Method::POST | &Method::PATCH) => {
            registry.view(&name)?;
            let update: ProxyUpdate = request::parse(body)?;
            answer::json(StatusCode::OK, &registry.update(&name, update).await?)
        }
        (Route::Proxy(name), &Method::DELETE) => {
            registry.delete(&name).await?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        (Route::Toxics(proxy), &Method::GET) => {
            answer::json(StatusCode::OK, &registry.toxics(&proxy)?.views())
        }
        (Route::Toxics(proxy), &Method::POST) => {
            let toxic = registry.add_toxic(&proxy, body).await?;
            answer::json(StatusCode::OK, &registry.toxics(&proxy)?.view(&toxic)?)
        }
        (Route::Toxic(proxy, toxic), &Method::GET) => {
            answer::json(StatusCode::OK, &registry.toxics(&proxy)?.view(&toxic)?)
        }
        (Route::Toxic(proxy, toxic), &Method::POST | &Method::PATCH) => {
            registry.update_toxic(&proxy, &toxic, body).await?;
            answer::json(StatusCode::OK, &registry.toxics(&proxy)?.view(&toxic)?)
        }
        (Route::Toxic(proxy, toxic), &Method::DELETE) => {
            registry.remove_toxic(&proxy, &toxic).await?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        _ => answer::empty(StatusCode::METHOD_NOT_ALLOWED),
    })
}

/// Creates a list of proxies. What was created before an error stays, and is told beside it.
async fn populate(registry: &mut Registry, body: &[u8]) -> Answer {
    let (names, failed) = match request::new_proxies(body) {
        Ok(wanted) => create_all(registry, wanted).await,
        Err(error) => (Vec::new(), Some(error)),
    };
    let views: Vec<_> = names.iter().filter_map(|name| registry.view(name).ok()).collect();
    let status = failed.as_ref().map_or(StatusCode::CREATED, RegistryError::status);
    // Go writes an empty list as null.
    let proxies = Some(views).filter(|views| !views.is_empty());
    answer::json(status, &Populated { error: failed.as_ref().map(ErrorBody::from), proxies })
}

/// The names of those that were created, and why not all were.
async fn create_all(registry: &mut Registry, wanted: Vec<NewProxy>) -> (Vec<String>, Option<RegistryError>) {
    let mut names = Vec::with_capacity(wanted.len());
    for new in wanted {
        let name = new.name.clone();
        if let Err(error) = registry.create_or_replace(new).await {
            return (names, Some(error));
        }
        names.push(name);
    }
    (names, None)
}
