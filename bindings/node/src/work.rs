//! What reads or writes the file runs on a thread of Node's pool, and is a promise in the script.

use napi::bindgen_prelude::{AsyncTask, Env, Result, ToNapiValue, TypeName};
use napi::{Error, Status, Task};

type Job<T> = Box<dyn FnOnce() -> std::result::Result<T, String> + Send>;

/// Work for the pool. It fails with a text of JSON, from which the script makes its error.
pub struct Work<T>(Option<Job<T>>);

/// Work that is begun.
pub(crate) fn work<T>(
    job: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> AsyncTask<Work<T>>
where
    T: Send + ToNapiValue + TypeName + 'static,
{
    AsyncTask::new(Work(Some(Box::new(job))))
}

impl<T: Send + ToNapiValue + TypeName + 'static> Task for Work<T> {
    type Output = T;
    type JsValue = T;

    fn compute(&mut self) -> Result<T> {
        let job = self.0.take();
        let job = job.ok_or_else(|| Error::new(Status::Cancelled, "it was done already"))?;
        job().map_err(|json| Error::new(Status::GenericFailure, json))
    }

    fn resolve(&mut self, _: Env, output: T) -> Result<T> {
        Ok(output)
    }
}
