//! The Spin entry point.

use std::cell::RefCell;
use std::rc::Rc;

use spin_sdk::http::{Request, Response};
use spin_sdk::http_service;
use spin_sdk::wasip3::spawn;
use sync_core::SettingsPart;
use sync_spin::{LoadError, SpinPorts};

use crate::error::HttpError;
use crate::{App, Body, respond};

/// A request makes some hundred allocations: this takes half the time for them that the C library takes.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// The parts of the settings that requests need.
const SETTINGS: [SettingsPart; 3] = [
    SettingsPart::SignIn,
    SettingsPart::BackEnds,
    SettingsPart::BlobStore,
];

thread_local! {
    /// Built by the first request of this instance: settings and keys do not change while it lives.
    static APP: RefCell<Option<Rc<App<SpinPorts>>>> = const { RefCell::new(None) };
}

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    match app().await {
        Ok(app) => {
            let answer = app.handle(request).await;
            if app.must_tidy_up() {
                // Goes on when the answer is out; the host keeps the instance until it is done.
                spawn(async move { app.tidy_up_soon().await });
            }
            answer
        }
        Err(error) => {
            let mut response = respond::error(&error).map(Body::from);
            respond::finish(&mut response);
            response
        }
    }
}

/// The server of this instance. One that could not be built for a reason that may pass is not kept.
async fn app() -> Result<Rc<App<SpinPorts>>, HttpError> {
    if let Some(app) = APP.with_borrow(Clone::clone) {
        return Ok(app);
    }
    sync_spin::start_log(tracing::Level::INFO);
    let app = Rc::new(build().await?);
    APP.set(Some(Rc::clone(&app)));
    Ok(app)
}

async fn build() -> Result<App<SpinPorts>, HttpError> {
    match sync_spin::load_engine(&SETTINGS).await {
        Ok(engine) => Ok(App::new(engine)),
        Err(LoadError::Settings(error)) => Ok(App::with_wrong_settings(error)),
        Err(LoadError::Store(error)) => Err(error.into()),
    }
}
