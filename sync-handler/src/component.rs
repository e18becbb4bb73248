//! The server of an instance, kept from request to request.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select};
use spin_sdk::http::{Request, Response};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::spawn;
use sync_core::RustAdapters;
use sync_spin::{LoadError, SpinPorts};

use crate::app::{READY_WITHIN, silent_store};
use crate::{App, Body};

thread_local! {
    /// Built by the first request of this instance: settings and keys do not change while it lives.
    static APP: RefCell<Option<Rc<App<SpinPorts>>>> = const { RefCell::new(None) };
}

/// Answers a request, with adapters that are compiled in: `adapters` is asked for them once.
pub async fn handle(request: Request, adapters: impl FnOnce() -> RustAdapters) -> Response<Body> {
    let app = app(adapters, request.uri().path() == "/ready").await;
    let answer = app.handle(request).await;
    // All of it goes on when the answer is out; the host keeps the instance until it is done.
    for work in app.left() {
        spawn(work);
    }
    if app.must_tidy_up() {
        spawn(async move { app.tidy_up_soon().await });
    }
    answer
}

/// The server of this instance. One that could not be built for a reason that may pass is not kept.
async fn app(
    adapters: impl FnOnce() -> RustAdapters,
    is_asked_for_readiness: bool,
) -> Rc<App<SpinPorts>> {
    if let Some(app) = APP.with_borrow(Clone::clone) {
        return app;
    }
    sync_spin::start_log(tracing::Level::INFO);
    let adapters = adapters();
    let loading = sync_spin::load_server(adapters);
    let loaded = if is_asked_for_readiness {
        // It is a command or two of Redis, but whoever asks this waits no longer than a second.
        match select(pin!(loading), pin!(sleep(READY_WITHIN))).await {
            Either::Left((loaded, _)) => loaded,
            Either::Right(_) => Err(LoadError::Store(silent_store(READY_WITHIN))),
        }
    } else {
        loading.await
    };
    // Requests that came at once have all loaded one. They share the first: an engine counts what its requests hold in memory,
    // and of several none would know of the others.
    if let Some(app) = APP.with_borrow(Clone::clone) {
        return app;
    }
    let app = match loaded {
        Ok(engine) => App::new(engine),
        Err(LoadError::Settings(error)) => App::with_wrong_settings(error),
        Err(LoadError::Store(error)) => return Rc::new(App::without_store(error)),
    };
    let app = Rc::new(app);
    APP.set(Some(Rc::clone(&app)));
    app
}
