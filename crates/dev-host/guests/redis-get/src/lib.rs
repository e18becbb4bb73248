//! The least a component can do with Redis: one `GET` per request on a connection it keeps.
//!
//! Every performance budget of the project is a share of what this component reaches on the same host in the same
//! run, so there is nothing in it that a real component could leave out.

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::cell::RefCell;
    use std::rc::Rc;

    use bytes::Bytes;
    use spin_sdk::http::{FullBody, Request, Response};
    use spin_sdk::http_service;
    use spin_sdk::redis::{Connection, Error};

    /// The key whose value is the answer to every request.
    const KEY: &str = "bench:key";

    thread_local! {
        /// Opened by the first request of this instance and used by all of them, also by those running at once.
        static CONNECTION: RefCell<Option<Rc<Connection>>> = const { RefCell::new(None) };
    }

    async fn connection() -> Result<Rc<Connection>, Error> {
        if let Some(open) = CONNECTION.with_borrow(Clone::clone) {
            return Ok(open);
        }
        let address = spin_sdk::variables::get("redis_url")
            .await
            .map_err(|error| Error::Other(error.to_string()))?;
        let opened = Rc::new(Connection::open(address).await?);
        CONNECTION.set(Some(Rc::clone(&opened)));
        Ok(opened)
    }

    async fn value() -> Result<Bytes, Error> {
        let value = connection().await?.get(KEY).await?;
        Ok(value.unwrap_or_default().into())
    }

    #[http_service]
    async fn handle(_request: Request) -> http::Result<Response<FullBody<Bytes>>> {
        let (status, body) = match value().await {
            Ok(value) => (200, value),
            Err(error) => {
                CONNECTION.take();
                (503, error.to_string().into())
            }
        };
        Response::builder()
            .status(status)
            .header("content-length", body.len())
            .body(FullBody::new(body))
    }
}
