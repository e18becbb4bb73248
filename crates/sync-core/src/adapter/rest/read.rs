//! One object, by its id.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;

use crate::adapter::exchange::misfit;
use crate::adapter::rest::RestAdapter;
use crate::adapter::rest::delta::Harvest;
use crate::adapter::{AdapterError, Call, Reading};
use crate::mapping::Mapped;
use crate::model::{Attributes, ObjectId, to_attributes};
use crate::ports::Ports;
use crate::settings::ReadSettings;

impl<P: Ports> RestAdapter<P> {
    pub(super) async fn read_object(
        &self,
        settings: &ReadSettings,
        call: &Call<'_>,
        id: &ObjectId,
    ) -> Result<Reading, AdapterError> {
        let ReadSettings {
            operation,
            record,
            mapping,
        } = settings;
        let outgoing = self.change(call, operation, Some(id), &Attributes::new())?;
        let answer = self.caller.send(outgoing, Some(call)).await?;
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Reading::Gone),
            status if status.is_success() => {}
            _ => return Err(self.refusal(&answer)),
        }
        let tree = self.tree(&answer)?;
        let found = record.read(&tree).map(Cow::into_owned);
        let found = found.ok_or_else(|| {
            let path = record.as_str();
            misfit("record", format!("the answer has nothing at {path:?}"))
        })?;
        let found = mapping.records(Value::Array(vec![found]))?.pop();
        let found = found.ok_or_else(|| misfit("record", "the answer has no record"))?;
        if Harvest::new(self.settings.delta.as_ref()).look_at_record(&found) {
            return Ok(Reading::Gone);
        }
        let Mapped { id: said, values } = mapping.object(found)?;
        if said != id.as_str() {
            let message = format!("the answer is {said:?} where {id} was asked for");
            return Err(misfit("read", message));
        }
        let values = values.map_err(|reason| misfit("types", reason))?;
        let attributes = to_attributes(values);
        let attributes = attributes.map_err(|error| misfit("record", error.to_string()))?;
        Ok(Reading::Object(attributes))
    }
}
