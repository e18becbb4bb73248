//! What an address asks for, on real servers with and without TLS.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that does not find what it looks for has failed"
)]

use sync_sql::{ConnectError, Mysql, Postgres};
use test_support::{DATABASE_PASSWORD, DatabaseKind, TestAuthority, TestDatabase};

/// Each test once for every database.
macro_rules! for_each_database {
    ($($story:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test] async fn $story() { super::$story(super::DatabaseKind::Postgres).await; })*
        }
        mod mariadb {
            $(#[tokio::test] async fn $story() { super::$story(super::DatabaseKind::MariaDb).await; })*
        }
    };
}

for_each_database!(
    a_server_with_the_right_certificate_is_believed,
    a_certificate_of_another_authority_is_refused,
    a_certificate_for_another_name_is_refused,
    a_server_without_tls_is_left_where_it_is_demanded,
    a_wrong_password_is_a_refusal_and_is_not_said,
    nobody_listens,
);

/// Connects, and asks the server whether the connection is encrypted.
async fn is_encrypted(kind: DatabaseKind, address: &str) -> Result<bool, ConnectError> {
    Ok(match kind {
        DatabaseKind::Postgres => {
            let client = Postgres::parse(address)?.connect().await?;
            let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            client.query_one(query, &[]).await.unwrap().get(0)
        }
        DatabaseKind::MariaDb => {
            use mysql_async::prelude::Queryable as _;
            let mut client = Mysql::parse(address)?.connect().await?;
            let query = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
            let (_, cipher): (String, String) = client.query_first(query).await.unwrap().unwrap();
            !cipher.is_empty()
        }
    })
}

/// The server's address with other parameters.
fn with(database: &TestDatabase, parameters: &str) -> String {
    let url = database.url();
    let (url, _) = url.split_once('?').unwrap_or((&url, ""));
    format!("{url}?{parameters}")
}

/// Why there is no connection, which has to be told without the password.
async fn failure(kind: DatabaseKind, address: &str) -> (ConnectError, String) {
    let error = is_encrypted(kind, address).await.unwrap_err();
    let said = error.to_string();
    assert!(!said.contains(DATABASE_PASSWORD), "{said}");
    (error, said)
}

async fn a_server_with_the_right_certificate_is_believed(kind: DatabaseKind) {
    let authority = TestAuthority::new();
    let database = TestDatabase::start_with_tls(kind, &authority, "127.0.0.1");
    assert_eq!(is_encrypted(kind, &database.url()).await, Ok(true));
    for (parameters, encrypted) in [
        ("sslmode=require", true),
        ("sslmode=prefer", true),
        ("", true),
        ("sslmode=disable", false),
    ] {
        let address = with(&database, parameters);
        let found = is_encrypted(kind, &address).await;
        assert_eq!(found, Ok(encrypted), "{parameters}");
    }
}

async fn a_certificate_of_another_authority_is_refused(kind: DatabaseKind) {
    let database = TestDatabase::start_with_tls(kind, &TestAuthority::new(), "127.0.0.1");
    let other = TestAuthority::new();
    let file = other.file();
    // This machine does not trust it either.
    for parameters in [
        format!("sslmode=verify-full&sslrootcert={}", file.display()),
        "sslmode=verify-full".to_owned(),
    ] {
        let (error, said) = failure(kind, &with(&database, &parameters)).await;
        assert!(matches!(error, ConnectError::Certificate { .. }), "{said}");
        for part in [database.address().to_string().as_str(), "sslrootcert"] {
            assert!(said.contains(part), "{said}");
        }
    }
}

async fn a_certificate_for_another_name_is_refused(kind: DatabaseKind) {
    let authority = TestAuthority::new();
    let database = TestDatabase::start_with_tls(kind, &authority, "elsewhere.test");
    let (error, said) = failure(kind, &database.url()).await;
    assert!(matches!(error, ConnectError::Certificate { .. }), "{said}");
    for part in ["127.0.0.1", "elsewhere.test"] {
        assert!(said.contains(part), "{said}");
    }
    let unchecked = with(&database, "sslmode=require");
    assert_eq!(is_encrypted(kind, &unchecked).await, Ok(true));
}

async fn a_server_without_tls_is_left_where_it_is_demanded(kind: DatabaseKind) {
    let database = TestDatabase::start(kind);
    let authority = TestAuthority::new();
    let file = authority.file();
    for parameters in [
        "sslmode=require".to_owned(),
        format!("sslmode=verify-full&sslrootcert={}", file.display()),
    ] {
        let (error, said) = failure(kind, &with(&database, &parameters)).await;
        assert!(matches!(error, ConnectError::NoConnection { .. }), "{said}");
        assert!(
            said.contains("does not") && said.contains("server"),
            "{said}"
        );
    }
    for parameters in ["sslmode=prefer", "sslmode=disable", ""] {
        let address = with(&database, parameters);
        assert_eq!(
            is_encrypted(kind, &address).await,
            Ok(false),
            "{parameters}"
        );
    }
}

async fn a_wrong_password_is_a_refusal_and_is_not_said(kind: DatabaseKind) {
    let database = TestDatabase::start(kind);
    let address = database.url().replace(DATABASE_PASSWORD, "a-guess");
    let (error, said) = failure(kind, &address).await;
    assert!(!said.contains("a-guess"), "{said}");
    let ConnectError::Refused { state, .. } = error else {
        panic!("{said}");
    };
    assert!(state.starts_with("28"), "{state}");
}

async fn nobody_listens(kind: DatabaseKind) {
    let address = match kind {
        DatabaseKind::Postgres => "postgres://u:p@127.0.0.1:1/shop?sslmode=require",
        DatabaseKind::MariaDb => "mysql://u:p@127.0.0.1:1/shop?sslmode=require",
    };
    let (error, said) = failure(kind, address).await;
    assert!(matches!(error, ConnectError::NoConnection { .. }), "{said}");
    for part in ["127.0.0.1:1", "efused"] {
        assert!(said.contains(part), "{said}");
    }
}
