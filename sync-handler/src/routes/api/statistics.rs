//! Figures over time.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use sync_core::{Engine, Measure, Period, Ports, SeriesError, StepLength, Steps, measures};
use sync_proto::api::{MetricInfo, Series, Statistics};

use crate::error::HttpError;
use crate::request::Request;
use crate::respond;
use crate::routes::api::listing;

/// Minutes that are shown where the request does not say.
const DEFAULT_MINUTES: u64 = 60;

pub(super) async fn show<P: Ports>(
    engine: &Engine<P>,
    request: &Request,
) -> Result<Response<Bytes>, HttpError> {
    let name = request.query("metric").unwrap_or_default();
    let by = request.query("by");
    let period = period(request)?;
    let metrics = engine.metrics();
    let (measure, Steps { from, series }) = metrics.series(name, by, period).await?;
    let series = series.into_iter().map(|series| Series {
        labels: by
            .map(str::to_owned)
            .into_iter()
            .zip(series.label)
            .collect::<BTreeMap<_, _>>(),
        values: series.values,
    });
    Ok(respond::json(&Statistics {
        metric: measure.name.to_owned(),
        unit: measure.unit.to_owned(),
        from: from.0,
        step_seconds: period.step.seconds(),
        series: series.collect(),
    }))
}

pub(super) fn list() -> Response<Bytes> {
    let metrics = measures().iter().map(|measure: &Measure| MetricInfo {
        name: measure.name.to_owned(),
        help: measure.help.to_owned(),
        unit: measure.unit.to_owned(),
        labels: measure.labels().iter().map(ToString::to_string).collect(),
    });
    listing(metrics.collect(), None)
}

fn period(request: &Request) -> Result<Period, HttpError> {
    let (step, steps) = match (request.query("minutes"), request.query("hours")) {
        (None, None) => {
            return Ok(Period {
                step: StepLength::Minute,
                steps: DEFAULT_MINUTES,
            });
        }
        (Some(minutes), None) => (StepLength::Minute, minutes),
        (None, Some(hours)) => (StepLength::Hour, hours),
        (Some(_), Some(_)) => {
            return Err(HttpError::InvalidValue(
                "send minutes or hours, not both".to_owned(),
            ));
        }
    };
    let most = step.kept();
    let steps = steps
        .parse()
        .ok()
        .filter(|steps| (1..=most).contains(steps));
    let steps = steps.ok_or_else(|| {
        HttpError::InvalidValue(format!(
            "so many steps back is a number between 1 and {most}"
        ))
    })?;
    Ok(Period { step, steps })
}

impl From<SeriesError> for HttpError {
    fn from(error: SeriesError) -> Self {
        match error {
            SeriesError::Store(error) => error.into(),
            unknown @ (SeriesError::UnknownMeasure { .. } | SeriesError::UnknownLabel { .. }) => {
                Self::InvalidValue(unknown.to_string())
            }
        }
    }
}
