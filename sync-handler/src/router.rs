//! Every route of the component.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::Method;
use matchit::Router;

use crate::error::HttpError;
use crate::routes::{admin, api, blobs, device, health};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Load balancers and people.
    Health(health::Route),
    /// Devices.
    Device(device::Route),
    /// Devices, by the addresses of RhoSync.
    OldDevice(device::Route),
    /// Administrators' scripts and back ends, by the addresses they have always used.
    Admin(admin::Route),
    /// The same by the addresses of RhoSync.
    OldAdmin(admin::Route),
    /// New integrations and the console.
    Api(api::Route),
    /// The files objects refer to.
    Blobs(blobs::Route),
}

impl Route {
    /// Whether the request may be a form with files.
    pub(crate) fn takes_files(self) -> bool {
        matches!(
            self,
            Self::Device(device::Route::Push) | Self::OldDevice(device::Route::Push)
        )
    }
}

/// One row of a table of routes: method, path, and what it is.
pub(crate) type Row<R> = (Method, &'static str, R);

/// Every row of every table.
fn rows() -> impl Iterator<Item = Row<Route>> {
    fn of<R: Copy>(
        table: &'static [Row<R>],
        route: impl Fn(R) -> Route,
    ) -> impl Iterator<Item = Row<Route>> {
        table
            .iter()
            .map(move |(method, path, row)| (method.clone(), *path, route(*row)))
    }
    of(health::ROUTES, Route::Health)
        .chain(of(device::ROUTES, Route::Device))
        .chain(of(device::OLD_ROUTES, Route::OldDevice))
        .chain(of(admin::ROUTES, Route::Admin))
        .chain(of(admin::OLD_ROUTES, Route::OldAdmin))
        .chain(of(blobs::ROUTES, Route::Blobs))
        .chain(
            api::OPERATIONS
                .iter()
                .map(|it| (it.method.clone(), it.path, Route::Api(it.route))),
        )
}

/// What a path has for each method.
type Methods = Vec<(Method, Route)>;

/// Parameters of a path, decoded.
pub(crate) type Parameters = Vec<(String, String)>;

static ROUTER: LazyLock<Router<Methods>> = LazyLock::new(|| {
    let mut by_path: BTreeMap<&str, Methods> = BTreeMap::new();
    for (method, path, route) in rows() {
        by_path.entry(path).or_default().push((method, route));
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        // Two paths of the tables that exclude each other fail the test below.
        let _ = router.insert(path, methods);
    }
    router
});

/// Finds the route of a request. A slash at the end is passed over, as devices send one at times.
pub(crate) fn find(method: &Method, path: &str) -> Result<(Route, Parameters), HttpError> {
    let trimmed = if path.len() > 1 {
        path.strip_suffix('/').unwrap_or(path)
    } else {
        path
    };
    let found = ROUTER.at(trimmed).map_err(|_| HttpError::NotFound)?;
    let route = found
        .value
        .iter()
        .find(|(candidate, _)| candidate == method)
        .map(|(_, route)| *route);
    let Some(route) = route else {
        // A static segment hides what a parameter in its place would take: `PUT` of an object called `push_objects`.
        let allow = found
            .value
            .iter()
            .map(|(method, _)| method.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        return Err(HttpError::MethodNotAllowed { allow });
    };
    let parameters = found
        .params
        .iter()
        .map(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| HttpError::InvalidValue(format!("the path's {name} is not UTF-8")))?;
            Ok((name.to_owned(), value.into_owned()))
        })
        .collect::<Result<_, HttpError>>()?;
    Ok((route, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_reached() {
        for (method, path, route) in rows() {
            let path = path.replace(['{', '}'], "");
            let (found, _) =
                find(&method, &path).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
            assert_eq!(found, route, "{method} {path}");
        }
    }

    #[test]
    fn a_slash_at_the_end_and_encoded_ids_are_understood() {
        assert_eq!(
            find(&Method::POST, "/rc/v1/clients/").unwrap().0,
            Route::Device(device::Route::CreateClient)
        );
        let (route, parameters) = find(&Method::DELETE, "/app/v1/Product/a%2Fb%20c").unwrap();
        assert_eq!(route, Route::Device(device::Route::DeleteObject));
        assert_eq!(parameters[1], ("object".to_owned(), "a/b c".to_owned()));
    }

    #[test]
    fn what_is_not_there_is_404_and_a_wrong_method_names_the_right_ones() {
        assert!(matches!(
            find(&Method::GET, "/nothing"),
            Err(HttpError::NotFound)
        ));
        assert!(matches!(find(&Method::GET, "/"), Err(HttpError::NotFound)));
        let Err(HttpError::MethodNotAllowed { allow }) = find(&Method::PATCH, "/rc/v1/users")
        else {
            panic!("allowed");
        };
        assert_eq!(allow, "GET, POST");
    }
}
