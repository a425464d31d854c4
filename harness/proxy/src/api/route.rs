//! What a path names, and which methods it takes.

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Version,
    Metrics,
    Stats,
    Reset,
    Populate,
    Proxies,
    Proxy(String),
    Toxics(String),
    Toxic(String, String),
}

impl Route {
    /// The route of a path. Parts are decoded one by one, so that a name may hold a slash.
    pub(super) fn of(path: &str) -> Option<Self> {
        let decoded: Option<Vec<String>> = path
            .strip_prefix('/')?
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8().ok().map(Cow::into_owned))
            .collect();
        let parts = decoded?;
        if parts.iter().any(String::is_empty) {
            return None;
        }
        let names: Vec<_> = parts.iter().map(String::as_str).collect();
        Some(match names[..] {
            ["version"] => Self::Version,
            ["metrics"] => Self::Metrics,
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

    pub(super) fn takes(&self, method: &Method) -> bool {
        match self {
            Self::Metrics => true,
            Self::Version | Self::Stats => method == Method::GET,
            Self::Reset | Self::Populate => method == Method::POST,
            Self::Proxies | Self::Toxics(_) => [Method::GET, Method::POST].contains(method),
            Self::Proxy(_) | Self::Toxic(..) => {
                [Method::GET, Method::POST, Method::PATCH, Method::DELETE].contains(method)
            }
        }
    }
}

/// The shortest form of a path that has `//`, `/./` or `/../`: Go's router sends a client there.
pub(super) fn shortest(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    let shortest = format!("/{}{slash}", parts.join("/"));
    (shortest != path).then_some(shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_its_shortest_form_stays() {
        for path in ["/", "/proxies", "/proxies/", "/proxies/a.b/toxics/.c"] {
            assert_eq!(shortest(path), None, "{path}");
        }
        for (path, wanted) in
            [("//proxies", "/proxies"), ("/a/./b//", "/a/b/"), ("/a/../../b", "/b"), ("//", "/")]
        {
            assert_eq!(shortest(path).as_deref(), Some(wanted), "{path}");
        }
    }

    #[test]
    fn names_may_be_encoded() {
        assert_eq!(Route::of("/proxies/a%20b%2Fc"), Some(Route::Proxy("a b/c".to_owned())));
        assert_eq!(Route::of("/proxies//toxics"), None);
        assert_eq!(Route::of("/proxies/%ff"), None);
    }
}
