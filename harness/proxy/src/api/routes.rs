//! The routes: method and path to registry call to answer.

use std::rc::Rc;

use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::answer::{self, Answer, ErrorBody};
use super::{Api, request};
use crate::registry::{ProxyUpdate, Registry, RegistryError};

/// What a path names.
enum Route {
    Version,
    Stats,
    Reset,
    Populate,
    Proxies,
    Proxy(String),
    Toxics(String),
    Toxic(String, String),
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        let decoded: Option<Vec<String>> = path
            .strip_prefix('/')?
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned))
            .collect();
        let parts = decoded?;
        if parts.iter().any(String::is_empty) {
            return None;
        }
        let names: Vec<_> = parts.iter().map(String::as_str).collect();
        Some(match names[..] {
            ["version"] => Self::Version,
            ["shakedown", "stats"] => Self::Stats,
            ["reset"] => Self::Reset,
            ["populate"] => Self::Populate,
            ["proxies"] => Self::Proxies,
            ["proxies", proxy] => Self::Proxy(proxy.to_owned()),
            ["proxies", proxy, "toxics"] => Self::Toxics(proxy.to_owned()),
            ["proxies", proxy, "toxics", toxic] => Self::Toxic(proxy.to_owned(), toxic.to_owned()),
            _ => return None,
        })
    }
}

/// The answer to `POST /populate`: what was created, beside the error if there was one.
#[derive(Serialize)]
struct Populated<T: Serialize> {
    #[serde(flatten)]
    error: Option<ErrorBody>,
    proxies: Option<Vec<T>>,
}

impl Api {
    /// The answer to one request.
    pub(super) async fn answer(self: Rc<Self>, request: Request<Incoming>) -> Answer {
        // Toxiproxy keeps web pages from reaching it through a browser.
        let agent = request.headers().get(header::USER_AGENT).map(header::HeaderValue::as_bytes);
        if agent.is_some_and(|agent| agent.starts_with(b"Mozilla/")) {
            return answer::text(StatusCode::FORBIDDEN, "User agent not allowed");
        }
        let Some(route) = Route::of(request.uri().path()) else {
            return answer::text(StatusCode::NOT_FOUND, "404 page not found");
        };
        let method = request.method().clone();
        let body = match request::read(request.into_body()).await {
            Ok(body) => body,
            Err(error) => return answer::error(&error),
        };
        let answered = match route {
            Route::Version if method == Method::GET => Ok(answer::version()),
            Route::Stats if method == Method::GET => Ok(answer::json(StatusCode::OK, &self.stats.read())),
            Route::Version | Route::Stats => Ok(not_allowed()),
            route => {
                // A caller who hangs up must not leave a change half done.
                let act = async move { act(&mut *self.registry.lock().await, route, &method, &body).await };
                tokio::task::spawn_local(act).await.unwrap_or(Err(RegistryError::Defect))
            }
        };
        answered.unwrap_or_else(|error| answer::error(&error))
    }
}

fn not_allowed() -> Answer {
    answer::empty(StatusCode::METHOD_NOT_ALLOWED)
}

async fn act(
    registry: &mut Registry,
    route: Route,
    method: &Method,
    body: &[u8],
) -> Result<Answer, RegistryError> {
    let is_update = *method == Method::POST || *method == Method::PATCH;
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
        (Route::Proxy(name), _) if is_update => {
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
        (Route::Toxic(proxy, toxic), _) if is_update => {
            registry.update_toxic(&proxy, &toxic, body).await?;
            answer::json(StatusCode::OK, &registry.toxics(&proxy)?.view(&toxic)?)
        }
        (Route::Toxic(proxy, toxic), &Method::DELETE) => {
            registry.remove_toxic(&proxy, &toxic).await?;
            answer::empty(StatusCode::NO_CONTENT)
        }
        _ => not_allowed(),
    })
}

/// Creates a list of proxies. What was created before an error stays, and is told beside it.
async fn populate(registry: &mut Registry, body: &[u8]) -> Answer {
    let wanted = match request::new_proxies(body) {
        Ok(wanted) => wanted,
        Err(error) => {
            let none: Populated<()> = Populated { error: Some((&error).into()), proxies: None };
            return answer::json(error.status(), &none);
        }
    };
    let mut names = Vec::with_capacity(wanted.len());
    let mut failed = None;
    for new in wanted {
        let name = new.name.clone();
        if let Err(error) = registry.create_or_replace(new).await {
            failed = Some(error);
            break;
        }
        names.push(name);
    }
    let views: Vec<_> = names.iter().filter_map(|name| registry.view(name).ok()).collect();
    let status = failed.as_ref().map_or(StatusCode::CREATED, RegistryError::status);
    // Go writes an empty list as null.
    let proxies = Some(views).filter(|views| !views.is_empty());
    answer::json(status, &Populated { error: failed.as_ref().map(ErrorBody::from), proxies })
}
