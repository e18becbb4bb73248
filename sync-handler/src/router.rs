//! Every route of the component.

use std::sync::LazyLock;

use http::Method;
use matchit::Router;

use crate::error::HttpError;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    // Load balancers and people.
    Health,
    Ready,
    // Devices.
    DeviceLogin,
    CreateClient,
    RegisterClient,
    ResetClient,
    Pull,
    Push,
    UpdateObject,
    DeleteObject,
    // Administrators and back ends.
    AdminLogin,
    ListUsers,
    CreateUser,
    ListSources,
    PushObjects,
    PushDeletes,
}

/// Method, path, and what it is.
const ROUTES: &[(Method, &str, Route)] = &[
    (Method::GET, "/health", Route::Health),
    (Method::GET, "/ready", Route::Ready),
    (Method::POST, "/rc/v1/app/login", Route::DeviceLogin),
    (Method::POST, "/rc/v1/clients", Route::CreateClient),
    (
        Method::POST,
        "/rc/v1/clients/{client}/register",
        Route::RegisterClient,
    ),
    (
        Method::POST,
        "/rc/v1/clients/{client}/reset",
        Route::ResetClient,
    ),
    (Method::GET, "/app/v1/{source}", Route::Pull),
    (Method::POST, "/app/v1/{source}", Route::Push),
    (
        Method::PUT,
        "/app/v1/{source}/{object}",
        Route::UpdateObject,
    ),
    (
        Method::DELETE,
        "/app/v1/{source}/{object}",
        Route::DeleteObject,
    ),
    (Method::POST, "/rc/v1/system/login", Route::AdminLogin),
    (Method::GET, "/rc/v1/users", Route::ListUsers),
    (Method::POST, "/rc/v1/users", Route::CreateUser),
    (
        Method::GET,
        "/rc/v1/sources/type/{partition}",
        Route::ListSources,
    ),
    (
        Method::POST,
        "/app/v1/{source}/push_objects",
        Route::PushObjects,
    ),
    (
        Method::POST,
        "/app/v1/{source}/push_deletes",
        Route::PushDeletes,
    ),
];

/// What a path has for each method.
type Methods = Vec<(Method, Route)>;

/// Parameters of a path, decoded.
pub(crate) type Parameters = Vec<(String, String)>;

static ROUTER: LazyLock<Router<Methods>> = LazyLock::new(|| {
    let mut router = Router::new();
    let mut done: Vec<&str> = Vec::new();
    for (_, path, _) in ROUTES {
        if done.contains(path) {
            continue;
        }
        done.push(path);
        let methods = ROUTES
            .iter()
            .filter(|(_, other, _)| other == path)
            .map(|(method, _, route)| (method.clone(), *route))
            .collect();
        // Two paths of the table that exclude each other fail the test below.
        let _ = router.insert(*path, methods);
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
        for (method, path, route) in ROUTES {
            let path = path.replace(['{', '}'], "");
            let (found, _) =
                find(method, &path).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
            assert_eq!(found, *route, "{method} {path}");
        }
    }

    #[test]
    fn a_slash_at_the_end_and_encoded_ids_are_understood() {
        assert_eq!(
            find(&Method::POST, "/rc/v1/clients/").unwrap().0,
            Route::CreateClient
        );
        let (route, parameters) = find(&Method::DELETE, "/app/v1/Product/a%2Fb%20c").unwrap();
        assert_eq!(route, Route::DeleteObject);
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
