//! The addresses of RhoSync: `POST /api/<namespace>/<call>` and `/api/<call>`, arguments and token in the body.

use http::Method;

use crate::router::Row;
use crate::routes::admin::Route;

/// The rows of every call, with its namespace and without.
macro_rules! calls {
    ($($namespace:literal { $($call:literal => $route:ident,)* })*) => {
        &[
            (Method::POST, "/login", Route::LogIn),
            $($(
                (Method::POST, concat!("/api/", $namespace, "/", $call), Route::$route),
                (Method::POST, concat!("/api/", $call), Route::$route),
            )*)*
        ]
    };
}

pub(crate) const OLD_ROUTES: &[Row<Route>] = calls! {
    "admin" {
        "login" => LogIn,
        "reset" => Reset,
        "get_api_token" => ApiToken,
        "get_license_info" => License,
        "stats" => Stats,
    }
    "user" {
        "create_user" => CreateUser,
        "list_users" => ListUsers,
        "show_user" => ShowUser,
        "update_user" => UpdateUser,
        "delete_user" => DeleteUser,
    }
    "client" {
        "list_clients" => ListClients,
        "create_client" => CreateClient,
        "get_client_params" => ShowClient,
        "list_client_docs" => ListClientDocuments,
        "delete_client" => DeleteClient,
        "ping" => PingUsers,
    }
    "source" {
        "list_sources" => ListSources,
        "get_source_params" => ShowSource,
        "list_source_docs" => ListDocuments,
        "get_db_doc" => ShowStored,
        "set_db_doc" => SetStored,
        "push_objects" => PushObjects,
        "push_deletes" => PushDeletes,
        "fast_insert" => FastInsert,
        "fast_update" => FastUpdate,
        "fast_delete" => FastDelete,
        "set_refresh_time" => SetReadState,
        "get_adapter" => ShowAppServer,
        "save_adapter" => SetAppServer,
    }
};
