//! What writes to the streams of an instance. One task does all of it: none could wake another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join_all, select};
use spin_sdk::time::sleep;
use spin_sdk::wasip3::http_compat::BodyWriter;
use sync_core::{Live, Ports, StreamId, Told};

/// How long a stream may take for what it is told. Connections have buffers for much more: who takes longer is gone.
const WITHIN: Duration = Duration::from_secs(2);

thread_local! {
    static WRITERS: RefCell<BTreeMap<StreamId, BodyWriter>> = const { RefCell::new(BTreeMap::new()) };
}

/// Writes the first text of a stream, whose head is out.
pub(crate) async fn begin<P: Ports>(
    live: &Live<P>,
    stream: StreamId,
    writer: BodyWriter,
    text: &Bytes,
) {
    let written = write_one(stream, writer, Some(text.clone()));
    select(pin!(written), pin!(sleep(WITHIN))).await;
    forget_if_gone(live, stream);
}

/// Tells streams what they are to be told. Who is gone is forgotten.
pub(crate) async fn write<P: Ports>(live: &Live<P>, told: Vec<Told>) {
    let streams: Vec<_> = told.iter().map(|told| told.stream).collect();
    let writes = told.into_iter().filter_map(|Told { stream, text }| {
        // One that begins in this moment has no writer yet.
        let writer = WRITERS.with_borrow_mut(|all| all.remove(&stream))?;
        Some(write_one(stream, writer, text))
    });
    select(pin!(join_all(writes)), pin!(sleep(WITHIN))).await;
    for stream in streams {
        forget_if_gone(live, stream);
    }
}

/// Writes, and keeps the writer for what comes next; at the end there is nothing to keep.
async fn write_one(stream: StreamId, mut writer: BodyWriter, text: Option<Bytes>) {
    match text {
        Some(text) => {
            let left = writer.stream_writer.write_all(text.into()).await;
            if left.is_empty() {
                WRITERS.with_borrow_mut(|all| all.insert(stream, writer));
            }
        }
        None => {
            drop(writer.stream_writer);
            // Whether anybody hears that it is over makes no difference.
            let _ = writer.result_writer.write(Ok(None)).await;
        }
    }
}

fn forget_if_gone<P: Ports>(live: &Live<P>, stream: StreamId) {
    if !WRITERS.with_borrow(|all| all.contains_key(&stream)) {
        live.close(stream);
    }
}
