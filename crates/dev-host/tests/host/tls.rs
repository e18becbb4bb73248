use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::world::{Host, probe};

/// A server that answers over TLS which version of HTTP it was asked in; returns its address and its certificate.
async fn version_server(protocols: &[&str]) -> (SocketAddr, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate ends here.
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let answer = service_fn(async |request: Request<Incoming>| {
                    Ok::<_, Infallible>(Response::new(format!("{:?}", request.version())))
                });
                let server = Builder::new(TokioExecutor::new());
                server
                    .serve_connection(TokioIo::new(stream), answer)
                    .await
                    .unwrap();
            });
        }
    });
    (address, cert.pem())
}

#[tokio::test]
async fn https_speaks_http_2_where_the_server_does_and_trusts_this_machines_certificates() {
    for (protocols, expected) in [
        (&["h2", "http/1.1"][..], "HTTP/2.0"),
        (&["http/1.1"], "HTTP/1.1"),
    ] {
        let (address, certificate) = version_server(protocols).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("certificate.pem");
        std::fs::write(&file, certificate).unwrap();
        let port = address.port();
        let host = Host::start_with(
            &probe(&format!(
                "allowed_outbound_hosts = [\"https://localhost:{port}\"]"
            )),
            &[],
            &[("SSL_CERT_FILE", file.to_str().unwrap())],
        );
        let answer = host
            .text(&format!("/fetch?url=https://localhost:{port}/"))
            .await;
        assert!(answer.ends_with(expected), "{answer}");
    }
}

#[tokio::test]
async fn an_unknown_certificate_is_refused() {
    let (address, _) = version_server(&["h2"]).await;
    let port = address.port();
    let host = Host::start(
        &probe(&format!(
            "allowed_outbound_hosts = [\"https://localhost:{port}\"]"
        )),
        &[],
    );
    let (status, error) = host
        .answer(&format!("/fetch?url=https://localhost:{port}/"))
        .await;
    assert_eq!(status, 502);
    assert!(error.contains("TlsProtocolError"), "{error}");
}
