//! A Redis of the test's own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Names the server program; set where it is not `redis-server` on the path.
const PROGRAM_VARIABLE: &str = "RHOSYNC_REDIS_SERVER";

/// How long a server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A Redis server on a free port with a directory of its own, stopped when dropped.
pub struct TestRedis {
    child: Child,
    address: SocketAddr,
    directory: TempDir,
    durable: bool,
}

impl TestRedis {
    /// Starts a server that keeps nothing on disk.
    pub fn start() -> Self {
        Self::launch(false)
    }

    /// Starts a server that has every write on disk before it answers.
    pub fn start_durable() -> Self {
        Self::launch(true)
    }

    fn launch(durable: bool) -> Self {
        // Between finding a free port and using it somebody else may take it: then another is tried.
        for _ in 0..10 {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let address = free_address();
            let child = spawn(&directory, address, durable);
            let mut server = Self {
                child,
                address,
                directory,
                durable,
            };
            if server.is_up() {
                return server;
            }
        }
        panic!("no redis-server could be started");
    }

    /// Starts a server that has what another has, and follows it.
    ///
    /// # Panics
    ///
    /// When it does not come to have it.
    pub fn start_replica_of(primary: &Self) -> Self {
        let replica = Self::launch(false);
        let address = primary.address;
        replica.tell(&format!("REPLICAOF {} {}", address.ip(), address.port()));
        let until = Instant::now() + START_TIMEOUT;
        while !replica
            .tell("INFO replication")
            .contains("master_link_status:up")
        {
            assert!(Instant::now() < until, "the replica does not follow");
            std::thread::sleep(Duration::from_millis(5));
        }
        replica
    }

    /// Lets a replica be a server of its own.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn promote(&self) {
        let said = self.tell("REPLICAOF NO ONE");
        assert!(said.starts_with("+OK"), "{said}");
    }

    /// Sends a command, and reads the first of what is answered.
    ///
    /// # Panics
    ///
    /// When nothing is answered.
    pub fn tell(&self, command: &str) -> String {
        use std::io::{Read as _, Write as _};
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        let line = format!("{command}\r\n");
        stream.write_all(line.as_bytes()).expect("to send");
        let mut answer = vec![0; 1 << 16];
        let length = stream.read(&mut answer).expect("an answer");
        answer.truncate(length);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Lets the server find no place for what it saves, as on a disk that is full.
    ///
    /// # Panics
    ///
    /// When it has saved something before.
    pub fn take_disk(&self) {
        std::fs::create_dir(self.saved()).expect("a folder in the place of a file");
    }

    /// Gives the place back.
    ///
    /// # Panics
    ///
    /// When it was not taken.
    pub fn give_disk_back(&self) {
        std::fs::remove_dir(self.saved()).expect("to remove a folder");
    }

    fn saved(&self) -> std::path::PathBuf {
        self.directory.path().join("dump.rdb")
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's address as clients take it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Ends the server as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill redis-server");
        self.child.wait().expect("redis-server to end");
    }

    /// Lets the server take connections and answer nothing, as one does whose machine stands still.
    ///
    /// # Panics
    ///
    /// When there is no program `kill`.
    pub fn stop_answering(&self) {
        self.signal("STOP");
    }

    /// Lets the server go on where it stood still.
    ///
    /// # Panics
    ///
    /// When there is no program `kill`.
    pub fn answer_again(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("the program `kill`").success(), "{signal}");
    }

    /// Starts the server again on the same address, with what it had on disk.
    pub fn restart(&mut self) {
        let until = Instant::now() + START_TIMEOUT;
        loop {
            self.child = spawn(&self.directory, self.address, self.durable);
            if self.is_up() {
                return;
            }
            assert!(
                Instant::now() < until,
                "redis-server did not come back on {}",
                self.address
            );
        }
    }

    /// Waits until the server answers; `false` if it ended.
    fn is_up(&mut self) -> bool {
        let until = Instant::now() + START_TIMEOUT;
        while Instant::now() < until {
            if self
                .child
                .try_wait()
                .expect("redis-server's state")
                .is_some()
            {
                return false;
            }
            if answers(self.address) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

fn spawn(directory: &TempDir, address: SocketAddr, durable: bool) -> Child {
    let program = std::env::var(PROGRAM_VARIABLE).unwrap_or_else(|_| "redis-server".to_owned());
    let mut command = Command::new(&program);
    command
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &address.port().to_string(),
            "--save",
            "",
            "--loglevel",
            "warning",
        ])
        .arg("--dir")
        .arg(directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if durable {
        command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    }
    command.spawn().unwrap_or_else(|error| {
        panic!("cannot start {program:?}: {error}. Install Redis, or name the program in {PROGRAM_VARIABLE}")
    })
}

/// Whether a server accepts commands: while it still loads its data it accepts connections only.
fn answers(address: SocketAddr) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else {
        return false;
    };
    let mut answer = [0; 5];
    stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == *b"+PONG"
}
