//! Every route of the component.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::Method;
use matchit::{Match, Router};
use sync_core::AskedBy;

use crate::error::HttpError;
use crate::routes::{admin, api, blobs, bulk_data, device, health, hooks, metrics, sync};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Load balancers, and people with a browser.
    Health(health::Route),
    /// Those who watch over the server.
    Metrics(metrics::Route),
    /// Back ends whose objects have changed.
    Hooks(hooks::Route),
    /// Devices with our own library.
    Sync(sync::Route),
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
    /// The files devices begin with.
    BulkData(bulk_data::Route),
}

impl Route {
    /// Who logs in, if somebody does.
    pub(crate) fn who_logs_in(self) -> Option<&'static str> {
        match self {
            Self::Device(device::Route::LogIn) | Self::OldDevice(device::Route::LogIn) => {
                Some("device")
            }
            Self::Sync(sync::Route::SignIn) => Some("device"),
            Self::Admin(admin::Route::LogIn)
            | Self::OldAdmin(admin::Route::LogIn)
            | Self::Api(api::Route::LogIn) => Some("administrator"),
            _ => None,
        }
    }

    /// Who asks. Files are not meant: how long they take says more of their size.
    pub(crate) fn asked_by(self) -> AskedBy {
        match self {
            Self::Sync(sync::Route::Image | sync::Route::Blob | sync::Route::UploadBlob) => {
                AskedBy::Other
            }
            Self::Sync(_) | Self::Device(_) | Self::OldDevice(_) => AskedBy::Device,
            _ => AskedBy::Other,
        }
    }

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
        .chain(of(metrics::ROUTES, Route::Metrics))
        .chain(of(hooks::ROUTES, Route::Hooks))
        .chain(of(sync::ROUTES, Route::Sync))
        .chain(of(device::ROUTES, Route::Device))
        .chain(of(device::OLD_ROUTES, Route::OldDevice))
        .chain(of(admin::ROUTES, Route::Admin))
        .chain(of(admin::OLD_ROUTES, Route::OldAdmin))
        .chain(of(blobs::ROUTES, Route::Blobs))
        .chain(of(bulk_data::ROUTES, Route::BulkData))
        .chain(
            api::OPERATIONS
                .iter()
                .map(|it| (it.method.clone(), it.path, Route::Api(it.route))),
        )
}

/// Method and path template (`/app/v1/{source}`) of every route.
pub fn routes() -> impl Iterator<Item = (Method, &'static str)> {
    rows().map(|(method, path, _)| (method, path))
}

/// The template of a path, if it has one.
pub fn template_of(path: &str) -> Option<&'static str> {
    Some(at(path)?.value.template)
}

/// What there is at a path.
#[derive(Debug)]
struct Place {
    /// The path as the tables write it.
    template: &'static str,
    routes: Vec<(Method, Route)>,
}

impl Place {
    /// The methods it takes.
    fn allow(&self) -> String {
        let methods = self.routes.iter().map(|(method, _)| method.as_str());
        methods.collect::<Vec<_>>().join(", ")
    }
}

/// Parameters of a path, decoded.
pub(crate) type Parameters = Vec<(String, String)>;

/// What a request asks for, and how it says so.
#[derive(Debug)]
pub(crate) struct RouteMatch {
    pub(crate) route: Route,
    /// The path as the tables write it.
    pub(crate) template: &'static str,
    pub(crate) parameters: Parameters,
}

static ROUTER: LazyLock<Router<Place>> = LazyLock::new(|| {
    let mut by_path: BTreeMap<&str, Vec<(Method, Route)>> = BTreeMap::new();
    for (method, path, route) in rows() {
        by_path.entry(path).or_default().push((method, route));
    }
    let mut router = Router::new();
    for (template, routes) in by_path {
        // Two paths of the tables that exclude each other fail the test below.
        let _ = router.insert(template, Place { template, routes });
    }
    router
});

/// A slash at the end is passed over, as devices send one at times.
fn at(path: &str) -> Option<Match<'_, '_, &Place>> {
    let trimmed = if path.len() > 1 {
        path.strip_suffix('/').unwrap_or(path)
    } else {
        path
    };
    ROUTER.at(trimmed).ok()
}

/// The methods that a path takes, if there is something at it.
pub(crate) fn allow(path: &str) -> Option<String> {
    Some(at(path)?.value.allow())
}

/// Whether pages of other sites have business at a path, where the settings let them in.
pub(crate) fn is_for_pages(path: &str) -> bool {
    let is_for_pages = |route: &Route| match route {
        Route::Sync(_)
        | Route::Device(_)
        | Route::OldDevice(_)
        | Route::Api(_)
        | Route::Blobs(_)
        | Route::BulkData(_) => true,
        Route::Health(_)
        | Route::Metrics(_)
        | Route::Hooks(_)
        | Route::Admin(_)
        | Route::OldAdmin(_) => false,
    };
    api::is_api(path)
        || sync::is_sync(path)
        || at(path).is_some_and(|found| {
            let mut routes = found.value.routes.iter();
            routes.any(|(_, route)| is_for_pages(route))
        })
}

/// Finds the route of a request.
pub(crate) fn find(method: &Method, path: &str) -> Result<RouteMatch, HttpError> {
    let found = at(path).ok_or(HttpError::NotFound)?;
    let place = found.value;
    let route = place
        .routes
        .iter()
        .find(|(candidate, _)| candidate == method)
        .map(|(_, route)| *route);
    let Some(route) = route else {
        // A static segment hides what a parameter in its place would take: `PUT` of an object called `push_objects`.
        let allow = place.allow();
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
    Ok(RouteMatch {
        route,
        template: place.template,
        parameters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_reached() {
        for (method, path, route) in rows() {
            let path = path.replace(['{', '}'], "");
            let found =
                find(&method, &path).unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
            assert_eq!(found.route, route, "{method} {path}");
        }
    }

    #[test]
    fn a_slash_at_the_end_and_encoded_ids_are_understood() {
        assert_eq!(
            find(&Method::POST, "/rc/v1/clients/").unwrap().route,
            Route::Device(device::Route::CreateClient)
        );
        let RouteMatch {
            route,
            template,
            parameters,
        } = find(&Method::DELETE, "/app/v1/Product/a%2Fb%20c").unwrap();
        assert_eq!(route, Route::Device(device::Route::DeleteObject));
        assert_eq!(template, "/app/v1/{source}/{object}");
        assert_eq!(parameters[1], ("object".to_owned(), "a/b c".to_owned()));
    }

    #[test]
    fn what_is_not_there_is_404_and_a_wrong_method_names_the_right_ones() {
        assert!(matches!(
            find(&Method::GET, "/nothing"),
            Err(HttpError::NotFound)
        ));
        let Err(HttpError::MethodNotAllowed { allow }) = find(&Method::PATCH, "/rc/v1/users")
        else {
            panic!("allowed");
        };
        assert_eq!(allow, "GET, POST");
    }
}
