//! Puts what components print into the host's log.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Longer lines are logged in parts, so that a component cannot make the host keep what it prints.
const MAX_LINE: usize = 16 * 1024;

/// One of the two output streams of an instance: cuts what is written into lines and logs each of them.
#[derive(Clone)]
pub(crate) struct GuestLog(Arc<Lines>);

struct Lines {
    component: Arc<str>,
    stream: &'static str,
    /// The line that has not ended yet.
    pending: Mutex<Vec<u8>>,
}

impl GuestLog {
    /// A log for the component's `stream`, `"stdout"` or `"stderr"`.
    pub(crate) fn new(component: Arc<str>, stream: &'static str) -> Self {
        Self(Arc::new(Lines {
            component,
            stream,
            pending: Mutex::default(),
        }))
    }

    fn append(&self, bytes: &[u8]) {
        let mut pending = self
            .0
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            pending.extend_from_slice(part);
            if part.ends_with(b"\n") || pending.len() >= MAX_LINE {
                self.0.log(&pending);
                pending.clear();
            }
        }
    }
}

impl Lines {
    fn log(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let (line, component, stream) = (line.trim_end(), &*self.component, self.stream);
        if !line.is_empty() {
            tracing::info!(target: "guest", component, stream, "{line}");
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let rest = std::mem::take(
            self.pending
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.log(&rest);
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestLog {
    async fn ready(&mut self) {}
}

impl AsyncWrite for GuestLog {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
