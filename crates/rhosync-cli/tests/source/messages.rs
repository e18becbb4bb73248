//! What somebody is told who has made one of the mistakes that everybody makes.

use std::fmt::Write as _;
use std::io::Write;
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::world::{BackEnd, application, message, source};

/// A source of everybody's, with more settings behind its address.
fn settings(url: &str, more: &str) -> String {
    format!(
        "[sources.P]\nadapter = \"rest\"\npartition = \"app\"\n[sources.P.rest]\nurl = \"{url}\"\n{more}\n"
    )
}

/// The key of a setting, and what is said of it.
type Remark = (String, String);

/// What a check finds: problems and notes.
fn found(url: &str, more: &str) -> (Vec<Remark>, Vec<Remark>) {
    let folder = application(&settings(url, more), &[]);
    let said = source(folder.path(), &["check", "P", "--json"]).json();
    let of = |what: &str| {
        let list = said[what].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        list.map(|it| (text(&it["key"]), text(&it["message"])))
            .collect()
    };
    (of("problems"), of("notes"))
}

fn problem(url: &str, more: &str) -> Remark {
    let (mut problems, _) = found(url, more);
    assert_eq!(problems.len(), 1, "{more}: {problems:?}");
    let (key, message) = problems.remove(0);
    (key.replace("sources.P.rest.", ""), message)
}

#[test]
fn an_answer_that_cannot_be_read_is_called_what_it_is() {
    let latin = b"[{\"id\":1,\"name\":\"K\xf6ln\"}]";
    let page =
        b"<!DOCTYPE html><html><head><TITLE>Sign in</TITLE></head><body>please</body></html>";
    // Status, headers and body of the answer; which setting the problem is of, and what is said of it.
    type Case<'a> = (u16, &'a str, &'a [u8], &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 16] = [
        (
            200,
            "content-type: text/html\r\n",
            page,
            "url",
            &["web page", "\"Sign in\"", "200"],
        ),
        (
            302,
            "location: /login?next=secret\r\n",
            b"",
            "url",
            &["302", "/login,", "not signed in"],
        ),
        (
            401,
            "",
            br#"{"error":"invalid_token","error_description":"it has expired"}"#,
            "authorization",
            &["it has expired", "do not say how the server proves"],
        ),
        (403, "", b"no", "authorization", &["403", "\"no\""]),
        (500, "", b"Traceback", "url", &["500", "Traceback"]),
        (200, "", b"", "format", &["the answer is empty", "200"]),
        (
            200,
            "",
            br#"[{"id":1},{"name":"x","no":2}]"#,
            "id",
            &["has no \"id\"", "name, no", "record 2 of 2"],
        ),
        (
            200,
            "",
            br#"{"data":[],"meta":{}}"#,
            "records",
            &["\"data\" is no record", "an object with data, meta"],
        ),
        (
            200,
            "",
            br#"{"error":{"code":42}}"#,
            "records",
            &["says", "42"],
        ),
        (
            200,
            "content-type: application/json; charset=iso-8859-1\r\n",
            latin,
            "format",
            &["not UTF-8", "iso-8859-1"],
        ),
        (
            200,
            "content-encoding: gzip\r\n",
            b"\x1f\x8b\x08",
            "format",
            &["compressed (gzip)", "cut off"],
        ),
        (
            200,
            "content-encoding: gzip\r\n",
            b"[]",
            "format",
            &["compressed (gzip)", "but is not"],
        ),
        (
            200,
            "content-encoding: br\r\n",
            b"\x0b\x00",
            "format",
            &["compressed (br)", "not asked for", "by gzip"],
        ),
        (
            200,
            "",
            b"<?xml version=\"1.0\"?><a/>",
            "format",
            &["looks like XML"],
        ),
        (200, "", b"[{\"id\":1}", "format", &["not JSON", "EOF"]),
        (
            404,
            "",
            br#"{"title":"Not Found","detail":"no such table"}"#,
            "url",
            &["no such table", "404"],
        ),
    ];
    for (status, headers, body, key, words) in cases {
        let back_end = BackEnd::start_raw(move |_| message(status, headers, body));
        let (at, said) = problem(&format!("{}/items", back_end.url), "");
        assert_eq!(at, key, "{said}");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(
            said.contains("GET http://") && !said.contains("secret"),
            "{said}"
        );
    }
    // Some begin with a mark that says that they are UTF-8.
    let marked = "\u{feff}[{\"id\":1}]";
    let back_end = BackEnd::start_raw(move |_| message(200, "", marked.as_bytes()));
    assert_eq!(found(&back_end.url, ""), (Vec::new(), Vec::new()));
}

#[test]
fn a_back_end_that_cannot_be_reached_is_told_by_why() {
    let slow = BackEnd::start_raw(|_| b"HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\n".to_vec());
    let (key, said) = problem(&slow.url, "timeout_ms = 200");
    assert!(
        key == "url" && said.contains("within 200 ms") && said.contains("timeout_ms"),
        "{said}"
    );
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
            // What the other side says is read to its end: a connection that is closed before that is reset.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let (_, said) = problem(&url, "");
    assert!(said.contains("does not speak TLS"), "{said}");
    let (key, said) = problem("127.0.0.1/items", "");
    assert!(
        key == "url" && said.contains("begin with http://"),
        "{said}"
    );
}

#[test]
fn a_setting_that_cannot_be_meant_is_refused_with_what_could_be() {
    for (more, key, words) in [
        (
            "recrods = \"$\"",
            "recrods",
            &["did you mean `records`"][..],
        ),
        ("format = \"jsn\"", "format", &["did you mean `json`"]),
        ("records = \"items\"", "records", &["JSONPath ($.items)"]),
        (
            "list = { path = \"/{{ usr }}\" }",
            "list.path",
            &["\"usr\"", "there are user, partition"],
        ),
        (
            "update = { body = '{\"n\":{{ obj.n }}}' }",
            "update.body",
            &["\"obj\"", "object, id"],
        ),
        (
            "create = { query = { a = \"{{ id }}\" } }",
            "create.query.a",
            &["\"id\""],
        ),
        (
            "list = { path = \"/{{ user.name }}\" }",
            "list",
            &["\".name\"", "key-based"],
        ),
        (
            "changes = { query = { a = \"{{ snce }}\" }, mark = \"$.m\" }",
            "changes.query.a",
            &["since"],
        ),
        (
            "authorization = { bearer = { variable = \"crm_token\" } }",
            "authorization.bearer",
            &[
                "no value",
                "SPIN_VARIABLE_CRM_TOKEN",
                "--variable crm_token=",
            ],
        ),
    ] {
        let (at, said) = problem("http://127.0.0.1:1", more);
        assert_eq!(at, key, "{said}");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

#[test]
fn what_is_hardly_meant_is_noted_and_no_problem() {
    for (body, more, key, word) in [
        ("[]", "", "records", "no records for check"),
        (r#"[{"id":{"$oid":"6"},"n":1}]"#, "", "id", "is JSON"),
        (
            r#"[{"id":1,"n":"free"}]"#,
            "types = { n = \"number\" }",
            "types.n",
            "no number",
        ),
        (
            r#"[{"id":1,"n":"yes"}]"#,
            "types = { n = \"boolean\" }",
            "types.n",
            "no boolean",
        ),
    ] {
        let back_end = BackEnd::start(move |_| (200, body.to_owned()));
        let (problems, notes) = found(&back_end.url, more);
        assert_eq!(problems, [], "{body}");
        assert_eq!(notes.len(), 1, "{body}: {notes:?}");
        assert_eq!(notes[0].0, format!("sources.P.rest.{key}"));
        assert!(notes[0].1.contains(word), "{notes:?}");
    }
    let back_end = BackEnd::start(|_| (200, r#"[{"id":1,"n":2}]"#.to_owned()));
    let (problems, _) = found(&back_end.url, "attributes = { name = \"$.nme\" }");
    assert!(
        problems[0].1.contains("anything at \"$.nme\""),
        "{problems:?}"
    );
}

/// A back end of 45 records in pages of at most 20, which knows `page`, `skip` and `per_page`.
fn paged() -> BackEnd {
    BackEnd::start(|asked| {
        let query = asked.line.split_once('?').unwrap_or_default().1;
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value = pairs
                .find(|(it, _)| *it == name)
                .map(|(_, value)| value.parse().unwrap());
            value.map(|value: usize| value)
        };
        let size = number("per_page").unwrap_or(20).min(20);
        let begin = number("skip").unwrap_or((number("page").unwrap_or(1) - 1) * size);
        let mut list = String::new();
        for id in begin..(begin + size).min(45) {
            let _ = write!(
                list,
                "{}{{\"id\":{id}}}",
                if list.is_empty() { "" } else { "," }
            );
        }
        (200, format!("[{list}]"))
    })
}

#[test]
fn pages_of_another_size_than_the_settings_say_are_found_out() {
    let back_end = paged();
    for good in [
        "paging = { parameter = \"page\", size_parameter = \"per_page\", size = 10 }",
        "paging = { parameter = \"page\", size = 20 }",
        "paging = { kind = \"offset\", parameter = \"skip\", size_parameter = \"per_page\", size = 7 }",
    ] {
        assert_eq!(
            found(&back_end.url, good),
            (Vec::new(), Vec::new()),
            "{good}"
        );
    }
    for wrong in [
        "paging = { parameter = \"page\", size_parameter = \"per_page\", size = 100 }",
        "paging = { kind = \"offset\", parameter = \"skip\", size_parameter = \"per_page\", size = 100 }",
    ] {
        let (key, said) = problem(&back_end.url, wrong);
        assert!(
            key == "paging.size" && said.contains("20 more records"),
            "{said}"
        );
    }
    // A parameter that it does not know leads to the same page for ever.
    let (key, said) = problem(&back_end.url, "paging = { parameter = \"pg\", size = 20 }");
    assert!(
        key == "paging.parameter" && said.contains("once more"),
        "{said}"
    );
}

#[test]
fn the_partitions_of_a_user_are_asked_for_one_by_one_and_the_first_counts() {
    let back_end = BackEnd::start(|asked| {
        let of = |owner: &str| format!(r#"[{{"id":1,"of":"{owner}"}},{{"id":"{owner}"}}]"#);
        (200, of(asked.line.rsplit('=').next().unwrap()))
    });
    let settings = format!(
        "[sources.P]\nadapter = \"rest\"\npartition = [\"region/{{{{ user.region }}}}\", \"user\"]\n[sources.P.rest]\nurl = \"{}\"\nlist = {{ query = {{ of = \"{{% if member?.region %}}{{{{ member.region }}}}{{% else %}}{{{{ user }}}}{{% endif %}}\" }} }}\n",
        back_end.url
    );
    let folder = application(&settings, &[]);
    let check = |more: &[&str]| {
        let arguments = [&["check", "P", "--user", "anna", "--json"], more].concat();
        source(folder.path(), &arguments)
    };
    let said = check(&["--partition", "region/north", "--partition", "user"]).json();
    let expected = json!({"1": {"of": "north"}, "north": {}, "anna": {}});
    assert_eq!(said["objects"], expected, "{said}");
    assert_eq!(back_end.lines(), ["GET /?of=north", "GET /?of=anna"]);
    for wrong in [&[][..], &["--partition", "north"], &["--partition", "app"]] {
        let said = check(wrong);
        assert_eq!(said.code, Some(2), "{}", said.out);
        assert!(
            said.error
                .contains("--partition region/north --partition user"),
            "{}",
            said.error
        );
    }
    let record = [
        "record",
        "P",
        "--user",
        "anna",
        "--partition",
        "region/north",
        "--partition",
        "user",
    ];
    assert_eq!(source(folder.path(), &record).code, Some(0));
    let replayed = source(folder.path(), &["replay", "P", "--json"]);
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.out, replayed.error);
    assert_eq!(replayed.json()["objects"], expected);
}
