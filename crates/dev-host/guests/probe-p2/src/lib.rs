//! A component of the previous generation, on WASI 0.2.
//!
//! It answers how many requests its instance has taken, or with the path `/fetch/<authority>` the status that a
//! request to `http://<authority>/` is answered with.

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::io::Write;
    use std::sync::atomic::{AtomicU32, Ordering};

    use wasip2::exports::http::incoming_handler::Guest;
    use wasip2::http::outgoing_handler;
    use wasip2::http::types::{
        Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
        Scheme,
    };

    static REQUESTS: AtomicU32 = AtomicU32::new(0);

    struct Probe;

    impl Guest for Probe {
        fn handle(request: IncomingRequest, answer: ResponseOutparam) {
            let requests = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
            let path = request.path_with_query().unwrap_or_default();
            let text = match path.strip_prefix("/fetch/") {
                Some(authority) => fetch(authority).unwrap_or_else(|error| error),
                None => requests.to_string(),
            };
            respond(answer, &text);
        }
    }

    fn fetch(authority: &str) -> Result<String, String> {
        let refused = |()| "the request is malformed".to_owned();
        let request = OutgoingRequest::new(Fields::new());
        request.set_scheme(Some(&Scheme::Http)).map_err(refused)?;
        request.set_authority(Some(authority)).map_err(refused)?;
        request.set_path_with_query(Some("/")).map_err(refused)?;
        let response =
            outgoing_handler::handle(request, None).map_err(|error| error.to_string())?;
        response.subscribe().block();
        match response.get() {
            Some(Ok(Ok(response))) => Ok(response.status().to_string()),
            Some(Ok(Err(error))) => Err(error.to_string()),
            Some(Err(())) | None => Err("the response was taken".to_owned()),
        }
    }

    fn respond(answer: ResponseOutparam, text: &str) {
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body();
        ResponseOutparam::set(answer, Ok(response));
        if let Ok(body) = body {
            let written = body
                .write()
                .map(|mut stream| stream.write_all(text.as_bytes()));
            if let Ok(Ok(())) = written {
                // Where the client has gone there is nobody to tell.
                let _ = OutgoingBody::finish(body, None);
            }
        }
    }

    wasip2::http::proxy::export!(Probe);
}
