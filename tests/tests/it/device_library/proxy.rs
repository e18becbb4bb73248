//! What is between a device and its server, and fails as told.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What happens to the next connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The answer breaks off after so many bytes.
    Cut(usize),
    /// Somebody else answers: the request does not arrive.
    Instead(&'static [u8]),
    /// Somebody else answers, and does not stop: a head, and then the same for ever.
    Endless {
        head: &'static str,
        piece: &'static [u8],
    },
    /// The server answers, but the device gets something else.
    Garbled(&'static str),
    /// Nothing comes back, and the connection stays open.
    Silent,
    /// The answer stops after so many bytes, and the connection stays open.
    Stall(usize),
}

pub(crate) struct Proxy {
    address: SocketAddr,
    plan: Arc<Mutex<Option<Fault>>>,
    streams: Arc<Streams>,
    passed: Arc<AtomicUsize>,
}

/// The event streams that go through it.
#[derive(Default)]
struct Streams {
    begun: AtomicUsize,
    open: Mutex<Vec<Arc<OpenStream>>>,
}

struct OpenStream {
    device: TcpStream,
    is_stalled: AtomicBool,
}

impl Proxy {
    /// One before a server, which may not be there.
    pub(crate) fn before(server: &str) -> Self {
        let server: SocketAddr = server
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its own address");
        let plan = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&plan);
        let streams = Arc::new(Streams::default());
        let passed = Arc::new(AtomicUsize::new(0));
        let (all_streams, counter) = (Arc::clone(&streams), Arc::clone(&passed));
        // Ends with the test's process.
        thread::spawn(move || {
            for device in listener.incoming().flatten() {
                let plan = Arc::clone(&shared);
                let (streams, counter) = (Arc::clone(&all_streams), Arc::clone(&counter));
                thread::spawn(move || carry(&device, server, &plan, &streams, &counter));
            }
        });
        Self {
            address,
            plan,
            streams,
            passed,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next answer fails.
    pub(crate) fn fail(&self, fault: Fault) {
        *lock(&self.plan) = Some(fault);
    }

    /// Bytes of answers that it has passed on since this was last asked.
    pub(crate) fn passed(&self) -> usize {
        self.passed.swap(0, Ordering::Relaxed)
    }

    /// Whether what was to fail has.
    pub(crate) fn has_failed(&self) -> bool {
        lock(&self.plan).is_none()
    }

    /// How many event streams have begun.
    pub(crate) fn streams(&self) -> usize {
        self.streams.begun.load(Ordering::Relaxed)
    }

    /// Breaks the event streams that there are.
    pub(crate) fn cut_streams(&self) {
        for stream in lock(&self.streams.open).drain(..) {
            let _ = stream.device.shutdown(Shutdown::Both);
        }
    }

    /// Nothing comes any more over the event streams that there are, which stay open.
    pub(crate) fn stall_streams(&self) {
        for stream in lock(&self.streams.open).drain(..) {
            stream.is_stalled.store(true, Ordering::Relaxed);
        }
    }

    /// Nothing fails any more.
    pub(crate) fn calm(&self) {
        *lock(&self.plan) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one connection: requests whole, answers piece by piece.
fn carry(
    device: &TcpStream,
    server: SocketAddr,
    plan: &Mutex<Option<Fault>>,
    streams: &Streams,
    passed: &AtomicUsize,
) {
    let Ok(upstream) = TcpStream::connect(server) else {
        return;
    };
    let stream = Mutex::new(None);
    thread::scope(|scope| {
        scope.spawn(|| answers(device, &upstream, plan, streams, &stream, passed));
        requests(device, &upstream, plan, &stream, passed);
        let _ = upstream.shutdown(Shutdown::Write);
    });
}

fn requests(
    mut device: &TcpStream,
    mut upstream: &TcpStream,
    plan: &Mutex<Option<Fault>>,
    stream: &Mutex<Option<Arc<OpenStream>>>,
    passed: &AtomicUsize,
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = device.read(&mut buffer) {
        if buffer.starts_with(b"GET /sync/v1/events ") {
            let device = device.try_clone().expect("another handle");
            let is_stalled = AtomicBool::new(false);
            *lock(stream) = Some(Arc::new(OpenStream { device, is_stalled }));
        }
        let planned = lock(plan).clone();
        match planned {
            Some(Fault::Instead(answer)) => {
                let _ = device.write_all(answer);
            }
            Some(Fault::Endless { head, piece }) => {
                let _ = device.write_all(head.as_bytes());
                while device.write_all(piece).is_ok() {
                    passed.fetch_add(piece.len(), Ordering::Relaxed);
                }
            }
            _ => {
                if upstream.write_all(&buffer[..length]).is_err() {
                    return;
                }
                continue;
            }
        }
        *lock(plan) = None;
        let _ = device.shutdown(Shutdown::Both);
        return;
    }
}

fn answers(
    mut device: &TcpStream,
    mut upstream: &TcpStream,
    plan: &Mutex<Option<Fault>>,
    streams: &Streams,
    stream: &Mutex<Option<Arc<OpenStream>>>,
    passed: &AtomicUsize,
) {
    let mut buffer = vec![0; 1 << 16];
    let mut has_begun = false;
    while let Ok(length @ 1..) = upstream.read(&mut buffer) {
        if let Some(stream) = lock(stream).clone() {
            if stream.is_stalled.load(Ordering::Relaxed) {
                continue;
            }
            if !std::mem::replace(&mut has_begun, true) {
                lock(&streams.open).push(stream);
                streams.begun.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut planned = lock(plan);
        match &mut *planned {
            Some(Fault::Cut(left)) if *left < length => {
                let _ = device.write_all(&buffer[..*left]);
                *planned = None;
                let _ = device.shutdown(Shutdown::Both);
                return;
            }
            Some(Fault::Stall(left)) if *left < length => {
                let _ = device.write_all(&buffer[..*left]);
                *planned = None;
                drop(planned);
                // Until the device has gone.
                while let Ok(1..) = upstream.read(&mut buffer) {}
                return;
            }
            Some(Fault::Cut(left) | Fault::Stall(left)) => *left -= length,
            Some(Fault::Garbled(answer)) => {
                let _ = device.write_all(answer.as_bytes());
                *planned = None;
                let _ = device.shutdown(Shutdown::Both);
                return;
            }
            Some(Fault::Silent) => {
                *planned = None;
                continue;
            }
            Some(Fault::Instead(_) | Fault::Endless { .. }) | None => {}
        }
        drop(planned);
        passed.fetch_add(length, Ordering::Relaxed);
        if device.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    let _ = device.shutdown(Shutdown::Both);
}
