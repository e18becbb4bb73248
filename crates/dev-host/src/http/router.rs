//! Which trigger answers a path.
//!
//! Built on the router that Spin uses, so that the same manifest routes the same way.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use routefinder::RouteSpec;

/// Answers below this path are the host's own.
pub(crate) const WELL_KNOWN: &str = "/.well-known/spin/";

/// Finds the `Target` behind a path: exact routes first, then the longest wildcard.
#[derive(Debug)]
pub(crate) struct Router<Target> {
    routes: routefinder::Router<Route<Target>>,
}

#[derive(Debug)]
struct Route<Target> {
    /// As in the manifest.
    raw: String,
    target: Target,
}

/// A path that found its target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RouteMatch<'router, Target> {
    pub(crate) target: &'router Target,
    /// The route as in the manifest.
    pub(crate) raw_route: &'router str,
    /// What the wildcard stands for; starts with `/` unless it is empty.
    pub(crate) path_info: String,
    /// What `:name` segments stand for.
    pub(crate) captures: Vec<(String, String)>,
}

impl<Target> Router<Target> {
    /// A router for `routes`, pairs of a route and its target. Of two equal routes the later one counts.
    ///
    /// # Errors
    ///
    /// A route is malformed.
    pub(crate) fn new(routes: impl IntoIterator<Item = (String, Target)>) -> Result<Self> {
        let mut by_route = BTreeMap::new();
        for (raw, target) in routes {
            if let Some((raw, _)) = by_route.insert(based(&raw), (raw, target)) {
                tracing::warn!("route {raw:?} is used twice; only its last trigger is reached");
            }
        }
        let mut routes = routefinder::Router::new();
        for (based, (raw, target)) in by_route {
            if based.starts_with(WELL_KNOWN) {
                tracing::warn!(
                    "route {raw:?} is never reached: the host answers below {WELL_KNOWN}"
                );
            }
            let spec: RouteSpec = match based.strip_suffix("/...") {
                Some(prefix) => format!("{prefix}/*").parse(),
                None => based.parse(),
            }
            .map_err(|error: String| anyhow!("route {raw:?}: {error}"))?;
            routes
                .add(spec, Route { raw, target })
                .map_err(|error| anyhow!("a route cannot be added: {error}"))?;
        }
        Ok(Self { routes })
    }

    pub(crate) fn find(&self, path: &str) -> Option<RouteMatch<'_, Target>> {
        let found = self.routes.best_match(path)?;
        let captures = found.captures();
        let route = found.handler();
        Some(RouteMatch {
            target: &route.target,
            raw_route: &route.raw,
            path_info: captures
                .wildcard()
                .map(|rest| path_info(rest, path))
                .unwrap_or_default(),
            captures: captures
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// All routes as in the manifest, most specific first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Target)> {
        self.routes
            .iter()
            .map(|(_, route)| (&*route.raw, &route.target))
    }
}

/// The router drops slashes around what a wildcard stands for; Spin passes them on.
fn path_info(rest: &str, path: &str) -> String {
    match (rest.is_empty(), path.ends_with('/')) {
        (true, false) => String::new(),
        (true, true) => "/".to_owned(),
        (false, false) => format!("/{rest}"),
        (false, true) => format!("/{rest}/"),
    }
}

/// A route with a slash in front and none at the end.
pub(crate) fn based(raw: &str) -> String {
    format!("/{}", raw.trim_start_matches('/'))
        .trim_end_matches('/')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[&'static str]) -> Router<&'static str> {
        Router::new(routes.iter().map(|route| ((*route).to_owned(), *route))).unwrap()
    }

    #[test]
    fn exact_routes_win_over_wildcards_and_long_ones_over_short_ones() {
        let router = router(&[
            "/...",
            "/shop/...",
            "/shop/cart",
            "/shop/cart/...",
            "/user/:id/edit",
        ]);
        for (path, expected) in [
            ("/", "/..."),
            ("/other/deep", "/..."),
            ("/shop", "/shop/..."),
            ("/shop/", "/shop/..."),
            ("/shop/cart", "/shop/cart"),
            ("/shop/cart/1", "/shop/cart/..."),
            ("/shop/cartel", "/shop/..."),
            ("/user/7/edit", "/user/:id/edit"),
            ("/user/7/view", "/..."),
        ] {
            assert_eq!(*router.find(path).unwrap().target, expected, "{path}");
        }
    }

    #[test]
    fn without_a_wildcard_only_the_exact_path_matches() {
        let router = router(&["/a", "/"]);
        assert_eq!(*router.find("/a").unwrap().target, "/a");
        assert_eq!(*router.find("/").unwrap().target, "/");
        assert!(router.find("/a/b").is_none());
    }

    #[test]
    fn the_rest_of_the_path_is_passed_on_with_its_slashes() {
        let router = router(&["/a/..."]);
        for (path, expected) in [
            ("/a", ""),
            ("/a/", "/"),
            ("/a/b", "/b"),
            ("/a/b/", "/b/"),
            ("/a/b/c%20d", "/b/c%20d"),
        ] {
            assert_eq!(router.find(path).unwrap().path_info, expected, "{path}");
        }
    }

    #[test]
    fn named_segments_are_captured() {
        let router = router(&["/user/:id/..."]);
        let found = router.find("/user/7/posts/2").unwrap();
        assert_eq!(found.captures, [("id".to_owned(), "7".to_owned())]);
        assert_eq!(found.path_info, "/posts/2");
    }

    #[test]
    fn the_last_of_equal_routes_counts() {
        let router = Router::new([("/a".to_owned(), 1), ("/a/".to_owned(), 2)]).unwrap();
        assert_eq!(router.find("/a").unwrap().target, &2);
    }
}
