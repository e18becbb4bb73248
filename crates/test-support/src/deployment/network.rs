//! The network between the host and its Redis, which fails when it is told to.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What happens to a command, or to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// The command is lost, and the connection with it.
    LostCommand,
    /// The command arrives; its answer is lost, and the connection with it.
    LostAnswer,
    /// The command arrives; half of its answer comes back, and then the connection is gone.
    HalfAnswer,
    /// The command arrives; no answer comes back on this connection until the network is well again.
    LateAnswer,
}

impl NetworkFault {
    /// All there are.
    pub const ALL: [Self; 4] = [
        Self::LostCommand,
        Self::LostAnswer,
        Self::HalfAnswer,
        Self::LateAnswer,
    ];
}

/// A network of one server, which can be exchanged for another.
pub struct Network {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    server: SocketAddr,
    /// After how many messages of clients which fault strikes; then it has struck.
    plan: Option<(u64, NetworkFault)>,
    connections: Vec<Arc<Connection>>,
}

struct Connection {
    client: TcpStream,
    server: TcpStream,
    /// What becomes of the next answer.
    fault: Mutex<Option<NetworkFault>>,
    /// Answers that are late.
    late: Mutex<Vec<u8>>,
}

impl Network {
    /// A network before a server.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its own address");
        let state = Arc::new(Mutex::new(State {
            server,
            plan: None,
            connections: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        // Ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accept(client, &shared);
            }
        });
        Self { address, state }
    }

    /// Where clients find the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets a fault strike the `at`-th message that clients send from now on, counted from 1.
    pub fn strike(&self, at: u64, fault: NetworkFault) {
        lock(&self.state).plan = Some((at, fault));
    }

    /// Lets everything be well again; what was late arrives. Says whether the fault has struck.
    pub fn calm(&self) -> bool {
        let mut state = lock(&self.state);
        let has_struck = state.plan.take().is_none_or(|(left, _)| left == 0);
        for connection in &state.connections {
            *lock(&connection.fault) = None;
            let late = std::mem::take(&mut *lock(&connection.late));
            // Nobody may be there any more.
            let _ = (&connection.client).write_all(&late);
        }
        has_struck
    }

    /// Puts another server in the place of the first. Connections to that end.
    pub fn lead_to(&self, server: SocketAddr) {
        let mut state = lock(&self.state);
        state.server = server;
        for connection in state.connections.drain(..) {
            connection.cut();
        }
    }
}

impl Connection {
    fn cut(&self) {
        for end in [&self.client, &self.server] {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Carries what the client says, as long as nothing goes wrong.
    fn carry_commands(&self, state: &Mutex<State>) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = (&self.client).read(&mut buffer) {
            match strike_now(state) {
                Some(NetworkFault::LostCommand) => break,
                Some(fault) => *lock(&self.fault) = Some(fault),
                None => {}
            }
            if (&self.server).write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        self.cut();
    }

    fn carry_answers(&self) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = (&self.server).read(&mut buffer) {
            // Held while the answer is brought, so that none overtakes a late one.
            let fault = lock(&self.fault);
            let arrives = match *fault {
                None => length,
                Some(NetworkFault::HalfAnswer) => length / 2,
                Some(NetworkFault::LateAnswer) => {
                    lock(&self.late).extend_from_slice(&buffer[..length]);
                    continue;
                }
                Some(NetworkFault::LostCommand | NetworkFault::LostAnswer) => 0,
            };
            let brought = (&self.client).write_all(&buffer[..arrives]);
            if arrives < length || brought.is_err() {
                break;
            }
        }
        self.cut();
    }
}

fn accept(client: TcpStream, state: &Arc<Mutex<State>>) {
    let server = lock(state).server;
    // Without its server the client finds nobody, as it would without this.
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    for end in [&client, &server] {
        end.set_nodelay(true).expect("to set an option");
    }
    let connection = Arc::new(Connection {
        client,
        server,
        fault: Mutex::default(),
        late: Mutex::default(),
    });
    lock(state).connections.push(Arc::clone(&connection));
    let (commands, answers) = (Arc::clone(&connection), connection);
    let state = Arc::clone(state);
    thread::spawn(move || commands.carry_commands(&state));
    thread::spawn(move || answers.carry_answers());
}

/// Counts a message; answers the fault that strikes it.
fn strike_now(state: &Mutex<State>) -> Option<NetworkFault> {
    let mut state = lock(state);
    let (left, fault) = state.plan.as_mut().filter(|(left, _)| *left > 0)?;
    *left -= 1;
    (*left == 0).then_some(*fault)
}

/// A test that has panicked elsewhere has its own report.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
