//! The push services that carry pings.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use sync_core::{Clock as _, Engine, Ports, PushService};
use sync_proto::api::PushCheck;

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::{jobs, listing};

/// The component that has the services' keys.
const COMPONENT: &str = "push";

/// How often it is looked whether a check is over, and how many times: as long as a service may take to answer.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS: usize = 48;

pub(super) async fn list<P: Ports>(engine: &Engine<P>) -> Result<Response<Bytes>, HttpError> {
    Ok(listing(engine.push_services().await?, None))
}

/// Has the component that has the keys try them: this one has neither keys nor leave to call the service.
pub(super) async fn check<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let name = request.parameter("service");
    let service =
        PushService::parse(name).ok_or_else(|| HttpError::UnknownComponent(name.to_owned()))?;
    let job = engine.check_push_service(service).await?;
    // The queue has rung for it; where nobody hears that, the component is asked to work.
    let ran = jobs::run_component(engine, COMPONENT).await;
    for _ in 0..LOOKS {
        if let Some(check) = engine.push_check(&job).await? {
            let sync_core::PushCheck { ok, message } = check;
            return Ok(respond::json(&PushCheck { ok, message }));
        }
        engine.ports().clock().sleep(LOOK_EVERY).await;
    }
    Err(match ran {
        Err(error) => error,
        Ok(_) => HttpError::ComponentFailed {
            component: COMPONENT.to_owned(),
            reason: format!("it has not done the job {job}"),
        },
    })
}
