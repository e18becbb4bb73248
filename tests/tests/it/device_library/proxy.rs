//! What is between a device and its server, and fails as told.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What happens to the next connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The answer breaks off after so many bytes.
    Cut(usize),
    /// Somebody else answers: the request does not arrive.
    Instead(&'static str),
    /// The server answers, but the device gets something else.
    Garbled(&'static str),
    /// Nothing comes back, and the connection stays open.
    Silent,
}

pub(super) struct Proxy {
    address: SocketAddr,
    plan: Arc<Mutex<Option<Fault>>>,
}

impl Proxy {
    /// One before a server, which may not be there.
    pub(super) fn before(server: &str) -> Self {
        let server: SocketAddr = server
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its own address");
        let plan = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&plan);
        // Ends with the test's process.
        thread::spawn(move || {
            for device in listener.incoming().flatten() {
                let plan = Arc::clone(&shared);
                thread::spawn(move || carry(&device, server, &plan));
            }
        });
        Self { address, plan }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next answer fails.
    pub(super) fn fail(&self, fault: Fault) {
        *lock(&self.plan) = Some(fault);
    }

    /// Whether what was to fail has.
    pub(super) fn has_failed(&self) -> bool {
        lock(&self.plan).is_none()
    }

    /// Nothing fails any more.
    pub(super) fn calm(&self) {
        *lock(&self.plan) = None;
    }
}

fn lock(plan: &Mutex<Option<Fault>>) -> MutexGuard<'_, Option<Fault>> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one connection: requests whole, answers piece by piece.
fn carry(device: &TcpStream, server: SocketAddr, plan: &Mutex<Option<Fault>>) {
    let Ok(upstream) = TcpStream::connect(server) else {
        return;
    };
    thread::scope(|scope| {
        scope.spawn(|| answers(device, &upstream, plan));
        requests(device, &upstream, plan);
        let _ = upstream.shutdown(Shutdown::Write);
    });
}

fn requests(mut device: &TcpStream, mut upstream: &TcpStream, plan: &Mutex<Option<Fault>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = device.read(&mut buffer) {
        if let Some(Fault::Instead(answer)) = &*lock(plan) {
            let _ = device.write_all(answer.as_bytes());
        }
        if matches!(&*lock(plan), Some(Fault::Instead(_))) {
            *lock(plan) = None;
            let _ = device.shutdown(Shutdown::Both);
            return;
        }
        if upstream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

fn answers(mut device: &TcpStream, mut upstream: &TcpStream, plan: &Mutex<Option<Fault>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = upstream.read(&mut buffer) {
        let mut planned = lock(plan);
        match &mut *planned {
            Some(Fault::Cut(left)) if *left < length => {
                let _ = device.write_all(&buffer[..*left]);
                *planned = None;
                let _ = device.shutdown(Shutdown::Both);
                return;
            }
            Some(Fault::Cut(left)) => *left -= length,
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
            Some(Fault::Instead(_)) | None => {}
        }
        drop(planned);
        if device.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    let _ = device.shutdown(Shutdown::Both);
}
