//! Databases of the test's own.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::authority::TestAuthority;
use crate::wait::until_or;

/// The user of the databases, and its password: a test looks whether anybody says it.
const USER: &str = "rhosync";
/// The password.
pub const DATABASE_PASSWORD: &str = "s3cr3t-of-the-database";

/// Databases refuse to run as the system's administrator: then this user runs them, who is nobody on every system.
const NOBODY: u32 = 65_534;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MariaDb,
}

/// A database server on a free port with a directory of its own, stopped when dropped.
pub struct TestDatabase {
    kind: DatabaseKind,
    child: Child,
    address: SocketAddr,
    folder: TempDir,
    /// Certificate and key, if it speaks TLS.
    tls: Option<[PathBuf; 2]>,
    /// What its address says of that.
    parameters: String,
}

impl TestDatabase {
    /// Starts a server with one empty database, `shop`.
    ///
    /// # Panics
    ///
    /// When it does not start; the text says what, and what to do.
    pub fn start(kind: DatabaseKind) -> Self {
        Self::start_with(kind, None)
    }

    /// Starts one that speaks TLS, with a certificate of the authority for this name; the [address](Self::url) asks for its proof.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_with_tls(kind: DatabaseKind, authority: &TestAuthority, name: &str) -> Self {
        Self::start_with(kind, Some((authority, name)))
    }

    fn start_with(kind: DatabaseKind, certified: Option<(&TestAuthority, &str)>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        give_away(folder.path());
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        kind.initialise(folder.path());
        let tls = certified.map(|(authority, name)| {
            let files = authority.certify(name, folder.path());
            for file in &files {
                fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its mode");
                give_away(file);
            }
            files
        });
        let parameters = certified.map(|(authority, _)| {
            let file = authority.file();
            format!("?sslmode=verify-full&sslrootcert={}", file.display())
        });
        let mut server = Self {
            kind,
            child: kind.spawn(folder.path(), address, tls.as_ref()),
            address,
            folder,
            tls,
            parameters: parameters.unwrap_or_default(),
        };
        server.until_up("SELECT 1", None);
        server.prepare();
        server
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that components get, with user and password, and the one that they may call: the server's own, or one that leads there.
    pub(crate) fn urls(&self, address: SocketAddr) -> [String; 2] {
        let scheme = self.kind.scheme();
        let parameters = &self.parameters;
        [
            format!("{scheme}://{USER}:{DATABASE_PASSWORD}@{address}/shop{parameters}"),
            format!("{scheme}://{address}"),
        ]
    }

    /// The address with user and password.
    pub fn url(&self) -> String {
        let [url, _] = self.urls(self.address);
        url
    }

    /// Which it is.
    pub fn kind(&self) -> DatabaseKind {
        self.kind
    }

    /// Runs statements, past RhoSync.
    ///
    /// # Panics
    ///
    /// When one fails; the text says why.
    pub fn run(&self, statements: &str) {
        self.rows(statements);
    }

    /// Asks for rows, past RhoSync: the values of each as texts.
    ///
    /// # Panics
    ///
    /// When that fails; the text says why.
    pub fn rows(&self, query: &str) -> Vec<Vec<String>> {
        let answer = self.ask(query, Some("shop"));
        assert!(
            answer.status.success(),
            "{query}: {}",
            String::from_utf8_lossy(&answer.stderr)
        );
        let text = String::from_utf8(answer.stdout).expect("UTF-8");
        text.lines()
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect()
    }

    /// Ends the server as a crash would: whoever has asked gets no answer.
    ///
    /// # Panics
    ///
    /// When there is no program `kill`.
    pub fn kill(&mut self) {
        self.end();
    }

    /// Starts the server again on the same address, with what it had.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn restart(&mut self) {
        let tls = self.tls.as_ref();
        self.child = self.kind.spawn(self.folder.path(), self.address, tls);
        self.until_up("SELECT 1", Some("shop"));
    }

    /// PostgreSQL ends its children by itself if it is told to quit; the other has none.
    fn end(&mut self) {
        let signal = match self.kind {
            DatabaseKind::Postgres => "QUIT",
            DatabaseKind::MariaDb => "KILL",
        };
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-s", signal, &id]).status();
        let _ = told.expect("the program `kill`");
        let _ = self.child.wait();
    }

    fn until_up(&mut self, question: &str, database: Option<&str>) {
        until_or("the database to answer", || {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("the database has ended with {status}:\n{log}");
            }
            let answer = self.ask(question, database);
            if answer.status.success() {
                Ok(())
            } else {
                Err(String::from_utf8_lossy(&answer.stderr).into_owned())
            }
        });
    }

    fn prepare(&self) {
        let statements = match self.kind {
            DatabaseKind::Postgres => "CREATE DATABASE shop".to_owned(),
            DatabaseKind::MariaDb => format!(
                "CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{DATABASE_PASSWORD}'; \
                 GRANT ALL ON shop.* TO '{USER}'@'127.0.0.1'"
            ),
        };
        let answer = self.ask(&statements, None);
        assert!(
            answer.status.success(),
            "{}",
            String::from_utf8_lossy(&answer.stderr)
        );
    }

    /// Asks by the database's own client.
    fn ask(&self, statements: &str, database: Option<&str>) -> Output {
        let port = self.address.port().to_string();
        let mut command = match self.kind {
            DatabaseKind::Postgres => {
                let mut command = Command::new("psql");
                command
                    .env("PGPASSWORD", DATABASE_PASSWORD)
                    .args(["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1"])
                    .args(["-h", "127.0.0.1", "-p", &port, "-U", USER])
                    .args(["-d", database.unwrap_or("postgres")]);
                command
            }
            DatabaseKind::MariaDb => {
                let mut command = Command::new("mariadb");
                command.args([
                    "--no-defaults",
                    "-N",
                    "-B",
                    "--default-character-set=utf8mb4",
                ]);
                match database {
                    Some(database) => command.env("MYSQL_PWD", DATABASE_PASSWORD).args([
                        "-h",
                        "127.0.0.1",
                        "-P",
                        &port,
                        "-u",
                        USER,
                        database,
                    ]),
                    // The user that a new server has is let in by its socket.
                    None => command
                        .args(["-u", "root", "-S"])
                        .arg(self.folder.path().join("socket")),
                };
                command
            }
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the database's client: cargo xtask doctor says what is missing");
        let mut input = child.stdin.take().expect("its input");
        // One that has ended says why.
        let _ = input.write_all(statements.as_bytes());
        drop(input);
        child.wait_with_output().expect("its answer")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

impl DatabaseKind {
    fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mysql",
        }
    }

    /// Makes the files of a new server.
    fn initialise(self, folder: &Path) {
        let mut command = match self {
            Self::Postgres => {
                let password = folder.join("password");
                fs::write(&password, DATABASE_PASSWORD).expect("to write the password");
                give_away(&password);
                let mut command = command(&program("initdb"), folder);
                command
                    .args([
                        "--no-sync",
                        "-E",
                        "UTF8",
                        "--locale=C.UTF-8",
                        "-A",
                        "scram-sha-256",
                        "-U",
                        USER,
                    ])
                    .arg("--pwfile")
                    .arg(password);
                command
            }
            Self::MariaDb => {
                let mut command = command(&program("mariadb-install-db"), folder);
                command.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
                command.arg("--skip-test-db");
                command.arg(temporary_files(folder));
                command
            }
        };
        let done = command
            .arg(self.data(folder))
            .output()
            .expect("to initialise a database");
        assert!(
            done.status.success(),
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }

    /// Where the files are, as an argument.
    fn data(self, folder: &Path) -> String {
        let data = folder.join("data");
        match self {
            Self::Postgres => format!("-D{}", data.display()),
            Self::MariaDb => format!("--datadir={}", data.display()),
        }
    }

    fn spawn(self, folder: &Path, address: SocketAddr, tls: Option<&[PathBuf; 2]>) -> Child {
        let port = address.port().to_string();
        let mut command = match self {
            Self::Postgres => {
                let mut command = command(&program("postgres"), folder);
                command
                    .args(["-h", "127.0.0.1", "-p", &port, "-c", "fsync=off", "-k"])
                    .arg(folder);
                command
            }
            Self::MariaDb => {
                let mut command = command(&program("mariadbd"), folder);
                command
                    .args(["--no-defaults", "--bind-address=127.0.0.1", "--port", &port])
                    .args([
                        "--skip-log-bin",
                        "--innodb-flush-log-at-trx-commit=2",
                        "--socket",
                    ])
                    .arg(folder.join("socket"))
                    .arg(temporary_files(folder));
                command
            }
        };
        if let Some([certificate, key]) = tls {
            let (certificate, key) = (certificate.display(), key.display());
            match self {
                Self::Postgres => command
                    .args(["-c", "ssl=on", "-c"])
                    .arg(format!("ssl_cert_file={certificate}"))
                    .arg("-c")
                    .arg(format!("ssl_key_file={key}")),
                Self::MariaDb => command
                    .arg(format!("--ssl-cert={certificate}"))
                    .arg(format!("--ssl-key={key}")),
            };
        }
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .expect("a log file");
        command
            .arg(self.data(folder))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("to start a database")
    }
}

/// Where MariaDB puts temporary files, as an argument. In a folder that several share, one that starts deletes those of the others.
fn temporary_files(folder: &Path) -> String {
    format!("--tmpdir={}", folder.display())
}

/// A program that runs as somebody whom databases accept.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if is_administrator(folder) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Whether the test runs as the system's administrator: what it has made was given away then.
fn is_administrator(folder: &Path) -> bool {
    fs::metadata(folder).expect("the folder").uid() == NOBODY
}

fn give_away(path: &Path) {
    if fs::metadata(path).expect("the path").uid() == 0 {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("to give the folder away");
    }
}

/// The path of a database's program. Debian has those of PostgreSQL in a folder of their own, and those of servers are not on everybody's
/// path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let found = folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|it| it.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: cargo xtask doctor says how to install it"))
}
