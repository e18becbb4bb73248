//! Who may bring a body, and how large it may be: decided before any of it is read.

use sync_core::{Engine, Ports};

use crate::body::MAX_BODY_BYTES;
use crate::error::HttpError;
use crate::request::Request;
use crate::router::Route;
use crate::routes::{admin, api, device, sync};

/// A name and a password.
const LOGIN_BYTES: usize = 8 * 1024;

/// A handful of values.
const VALUES_BYTES: usize = 64 * 1024;

/// A search, and what a job may carry.
const TEXTS_BYTES: usize = 256 * 1024;

/// A list of names.
const NAMES_BYTES: usize = 4 * 1024 * 1024;

impl Route {
    /// Checks who sends a request, as far as its head says. Where the head says nothing, an administrator's body may.
    pub(crate) async fn admit<P: Ports>(
        self,
        engine: &Engine<P>,
        request: &Request,
    ) -> Result<(), HttpError> {
        match self {
            Self::Device(device::Route::LogIn)
            | Self::OldDevice(device::Route::LogIn)
            | Self::Admin(admin::Route::LogIn)
            | Self::OldAdmin(admin::Route::LogIn) => Ok(()),
            Self::Sync(sync::Route::SignIn) => Ok(()),
            Self::Sync(_) => request.device_session(engine).map(drop),
            Self::Device(_) => request.session(engine).await.map(drop),
            Self::OldDevice(_) => {
                device::check_version(request)?;
                request.session(engine).await.map(drop)
            }
            Self::Admin(_) | Self::OldAdmin(_) => request.try_api_token(engine).await,
            Self::Api(route) => api::admit(route, engine, request).await,
            Self::Blobs(_) | Self::BulkData(_) => request.try_api_token(engine).await,
            // What proves the sender is made of the body.
            Self::Hooks(_) => Ok(()),
            Self::Health(_) | Self::Metrics(_) => Ok(()),
        }
    }

    /// Most bytes of a request's body.
    pub(crate) fn max_body_bytes(self) -> usize {
        match self {
            Self::Device(route) | Self::OldDevice(route) => of_device(route),
            Self::Admin(route) | Self::OldAdmin(route) => of_admin(route),
            Self::Api(route) => of_api(route),
            Self::Sync(route) => of_sync(route),
            Self::Hooks(_) => TEXTS_BYTES,
            Self::Health(_) | Self::Metrics(_) | Self::Blobs(_) | Self::BulkData(_) => 0,
        }
    }
}

fn of_device(route: device::Route) -> usize {
    use device::Route;
    match route {
        Route::LogIn => LOGIN_BYTES,
        Route::Push | Route::UpdateObject => MAX_BODY_BYTES,
        Route::Search => TEXTS_BYTES,
        Route::CreateClient
        | Route::RegisterClient
        | Route::ResetClient
        | Route::BulkData
        | Route::Pull
        | Route::DeleteObject => VALUES_BYTES,
    }
}

fn of_sync(route: sync::Route) -> usize {
    use sync::Route;
    match route {
        Route::SignIn | Route::SignOut | Route::Search | Route::Verify | Route::Events => {
            VALUES_BYTES
        }
        Route::Image | Route::Blob | Route::UploadBlob => 0,
        Route::Sync => MAX_BODY_BYTES,
    }
}

fn of_admin(route: admin::Route) -> usize {
    use admin::Route;
    match route {
        Route::LogIn => LOGIN_BYTES,
        Route::SetDocument
        | Route::SetClientDocument
        | Route::SetStored
        | Route::PushObjects
        | Route::PushDeletes
        | Route::FastInsert
        | Route::FastUpdate
        | Route::FastDelete => MAX_BODY_BYTES,
        Route::PingUsers => NAMES_BYTES,
        _ => VALUES_BYTES,
    }
}

fn of_api(route: api::Route) -> usize {
    use api::Route;
    match route {
        Route::LogIn => LOGIN_BYTES,
        Route::ChangeObjects | Route::PutObject | Route::PatchObject | Route::PutStored => {
            MAX_BODY_BYTES
        }
        Route::Ping => NAMES_BYTES,
        Route::RetryJob | Route::RetryChange => TEXTS_BYTES,
        _ => VALUES_BYTES,
    }
}
