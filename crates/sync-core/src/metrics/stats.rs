//! The old stats: what was counted minute by minute, by the names scripts know.

/// Why there are no stats to be read.
#[derive(Debug, thiserror::Error)]
pub enum StatsError {
    /// The settings do not ask for them.
    #[error("Stats not enabled")]
    Off,
    /// Nothing of this name was counted.
    #[error("Unknown metric")]
    UnknownMetric,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

pub(crate) fn adapter_stat(source: &str, operation: &str) -> String {
    format!("source:{operation}:{source}")
}

/// The name of a route: its path below the place where the original mounted its controllers, which were one for every
/// first segment of `/rc/v1` and one for every source.
pub(crate) fn request_stat(method: &str, route: &str) -> String {
    let rest = ["/rc/v1/", "/app/v1/"]
        .iter()
        .find_map(|mount| route.strip_prefix(mount));
    let path = match rest {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(""),
        None => route,
    };
    format!("http:{method}:{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_called_as_the_original_called_them() {
        for (route, name) in [
            ("/rc/v1/app/login", "http:POST:/login"),
            ("/app/v1/{source}", "http:POST:"),
            ("/app/v1/{source}/push_objects", "http:POST:/push_objects"),
            ("/rc/v1/users", "http:POST:"),
            ("/api/user/create_user", "http:POST:/api/user/create_user"),
            ("/application", "http:POST:/application"),
        ] {
            assert_eq!(request_stat("POST", route), name);
        }
        assert_eq!(adapter_stat("Product", "query"), "source:query:Product");
    }
}
