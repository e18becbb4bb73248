//! Files over HTTP: sent in forms, fetched with ranges and tags.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Value, json};
use sync_core::Origin;
use test_support::local;

use crate::server::Server;

/// A server, a user with a client, and the client's cookie.
struct Phone {
    server: Server,
    cookie: String,
    client: String,
}

impl Phone {
    async fn start() -> Self {
        let server = Server::start(None).await;
        let world = &server.world;
        let session = world.sign_in("u1").await;
        let client = world.client(&session).await;
        world.sync(&session, &client, "Pushed").await;
        Self {
            cookie: server.cookie("u1").await,
            client: client.to_string(),
            server,
        }
    }

    /// Posts a form to `Pushed`.
    async fn post(&self, form: &[u8]) -> Response<Bytes> {
        let request = Request::post("/app/v1/Pushed")
            .header("host", "sync.example:8080")
            .header("cookie", &self.cookie)
            .header("content-type", "multipart/form-data; boundary=bbb");
        self.server.send(request, form).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        let request = Request::get(path).header("cookie", &self.cookie);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        self.server.send(request, "").await
    }

    /// Creates an object with a file, and answers the address of the file as devices get it.
    async fn create(&self, id: &str, content: &[u8]) -> String {
        let part = format!("photo-{id}");
        let changes = json!({
            "client_id": self.client,
            "create": {id: {"name": id, "photo": "my photo.png"}},
            "blob_fields": ["photo"],
        });
        let form = form(&[
            (&part, Some("my photo.png"), content),
            ("cud", None, changes.to_string().as_bytes()),
        ]);
        let answer = self.post(&form).await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        assert!(answer.body().is_empty());
        let session = self.server.world.sign_in("u1").await;
        let other = self.server.world.client(&session).await;
        let news = self.server.world.sync(&session, &other, "Pushed").await;
        let objects = news[0]["insert"].as_object().unwrap();
        let object = objects
            .values()
            .find(|object| object["name"] == *id)
            .unwrap();
        let address = object["photo-rhoblob"].as_str().unwrap();
        address
            .strip_prefix("http://sync.example:8080")
            .unwrap()
            .to_owned()
    }
}

/// A form of parts with a name, a file name, and a content.
fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, file_name, content) in parts {
        let file_name = file_name.map_or_else(String::new, |name| {
            format!("; filename=\"{name}\"\r\nContent-Type: image/png")
        });
        let head =
            format!("--bbb\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n");
        form.extend_from_slice(head.as_bytes());
        form.extend_from_slice(content);
        form.extend_from_slice(b"\r\n");
    }
    form.extend_from_slice(b"--bbb--\r\n");
    form
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_file_that_came_in_a_form_is_served_with_ranges_and_tags() {
    local(async {
        let phone = Phone::start().await;
        let content: Vec<u8> = (0..700_000_u32).map(|at| (at % 253) as u8).collect();
        let path = phone.create("t-1", &content).await;
        assert!(path.ends_with("/my%20photo.png"), "{path}");

        let whole = phone
            .get(&format!("{path}?client_id={}", phone.client), &[])
            .await;
        assert_eq!(
            (whole.status(), whole.body().len()),
            (StatusCode::OK, 700_000)
        );
        assert_eq!(whole.body().as_ref(), content);
        let headers = whole.headers();
        let etag = header(headers, "etag");
        assert_eq!(etag.len(), 66);
        for (name, value) in [
            ("content-length", "700000"),
            ("content-type", "image/png"),
            ("accept-ranges", "bytes"),
            (
                "content-disposition",
                "attachment; filename*=UTF-8''my%20photo%2Epng",
            ),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(header(headers, name), value, "{name}");
        }

        let part = phone.get(&path, &[("range", "bytes=524000-525000")]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.body().as_ref(), &content[524_000..=525_000]);
        assert_eq!(
            header(part.headers(), "content-range"),
            "bytes 524000-525000/700000"
        );
        assert_eq!(header(part.headers(), "content-length"), "1001");
        let part = phone
            .get(&path, &[("range", "bytes=-5"), ("if-range", etag)])
            .await;
        assert_eq!(part.body().as_ref(), &content[699_995..]);
        let other = phone
            .get(&path, &[("range", "bytes=-5"), ("if-range", "\"other\"")])
            .await;
        assert_eq!(
            (other.status(), other.body().len()),
            (StatusCode::OK, 700_000)
        );
        let behind = phone.get(&path, &[("range", "bytes=700000-")]).await;
        assert_eq!(behind.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(header(behind.headers(), "content-range"), "bytes */700000");

        for known in [etag, "*", &format!("\"x\", W/{etag}")] {
            let known = phone.get(&path, &[("if-none-match", known)]).await;
            assert_eq!(
                (known.status(), known.body().len()),
                (StatusCode::NOT_MODIFIED, 0)
            );
            assert_eq!(header(known.headers(), "etag"), etag);
        }
        let head = phone
            .server
            .send(Request::head(&path).header("cookie", &phone.cookie), b"")
            .await;
        assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
        assert_eq!(header(head.headers(), "content-length"), "700000");
    });
}

#[test]
fn files_are_for_those_who_see_the_object_and_for_the_administrator() {
    local(async {
        let phone = Phone::start().await;
        let path = phone.create("t", b"content").await;
        let send = async |request: http::request::Builder| {
            let answer = phone.server.send(request, b"").await;
            (answer.status(), answer.into_body())
        };
        assert_eq!(send(Request::get(&path)).await.0, StatusCode::UNAUTHORIZED);
        let token = |token: &str| Request::get(&path).header("x-rhoconnect-api-token", token);
        assert_eq!(
            send(token("wrong")).await.0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
        let admin = phone
            .server
            .world
            .engine
            .accounts()
            .log_in_administrator("rhoadmin", "admin-password", Origin("test"))
            .await
            .unwrap();
        assert_eq!(
            send(token(&admin)).await,
            (StatusCode::OK, Bytes::from_static(b"content"))
        );
        let nobodys = format!("/blobs/{}", "0".repeat(64));
        for path in [nobodys.as_str(), "/blobs/x", "/blobs/..%2f..%2fhealth"] {
            assert_eq!(
                phone.get(path, &[]).await.status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
        let wrong = phone.server.send(Request::post(&path), b"").await;
        assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    });
}

#[test]
fn a_form_without_files_works_as_its_json_does() {
    local(async {
        let phone = Phone::start().await;
        let changes = json!({"client_id": phone.client, "create": {"t": {"name": "plain"}}});
        let answer = phone
            .post(&form(&[("cud", None, changes.to_string().as_bytes())]))
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
        let session = phone.server.world.sign_in("u1").await;
        let other = phone.server.world.client(&session).await;
        let news: Value = phone
            .server
            .world
            .sync(&session, &other, "Pushed")
            .await
            .remove(0);
        let object = news["insert"].as_object().unwrap().values().next().unwrap();
        assert_eq!(*object, json!({"name": "plain"}));
    });
}

#[test]
fn a_form_that_is_none_is_refused_and_leaves_nothing() {
    local(async {
        let phone = Phone::start().await;
        let file = ("photo-t", Some("p.png"), &b"content"[..]);
        let changes = json!({"client_id": phone.client, "create": {"t": {"photo": "p"}}});
        let changes = changes.to_string();
        let cud = ("cud", None, changes.as_bytes());
        let whole = form(&[file, cud]);
        let cut = &whole[..whole.len() - 20];
        let many: Vec<_> = (0..101).map(|_| file).chain([cud]).collect();
        for (form, status, text) in [
            (
                cut.to_vec(),
                400,
                "the body cannot be read: it ends in the middle",
            ),
            (
                form(&[file]),
                400,
                "the body cannot be read: it has no part \"cud\"",
            ),
            (
                form(&[file, cud, cud]),
                400,
                "the body cannot be read: it has two parts \"cud\"",
            ),
            (
                form(&[file, ("cud", None, b"[]")]),
                400,
                "the body cannot be read: the body is not a JSON object",
            ),
            (form(&many), 413, "a request has at most 100 files"),
            (
                form(&[("scan-t", Some("x"), b"x"), cud]),
                400,
                "the file \"scan-t\" belongs to no object: its name has to be that of an attribute of a created or updated object, a dash, and the object's id",
            ),
        ] {
            let answer = phone.post(&form).await;
            let said = String::from_utf8_lossy(answer.body()).into_owned();
            assert_eq!(answer.status().as_u16(), status, "{said}");
            assert_eq!(said, text);
            assert_eq!(phone.server.world.blob_contents().await, 0, "{text}");
        }
        let anonymous = Request::post("/app/v1/Pushed")
            .header("content-type", "multipart/form-data; boundary=bbb");
        assert_eq!(
            phone.server.send(anonymous, &whole).await.status(),
            StatusCode::UNAUTHORIZED
        );
    });
}
