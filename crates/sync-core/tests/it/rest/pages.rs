//! Long answers, by all kinds of paging.

use serde_json::json;
use test_support::local;

use super::World;

/// An answer's headers, its body, and the query of the address that is asked for it.
type Page = (
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

/// How a kind of paging is declared, and what leads from page to page.
struct Kind {
    settings: &'static str,
    pages: [Page; 3],
}

const KINDS: [Kind; 4] = [
    Kind {
        settings: r#"paging = { kind = "offset", parameter = "skip", size_parameter = "top", size = 1 }"#,
        pages: [
            (&[], r#"[{"id":1,"n":"a"}]"#, "?skip=0&top=1"),
            (&[], r#"[{"id":2,"n":"b"}]"#, "?skip=1&top=1"),
            (&[], "[]", "?skip=2&top=1"),
        ],
    },
    Kind {
        settings: r#"records = "$.rows"
        paging = { kind = "cursor", parameter = "after", next = "$.meta.next", size_parameter = "n", size = 1 }"#,
        pages: [
            (
                &[],
                r#"{"rows":[{"id":1,"n":"a"}],"meta":{"next":"x/1"}}"#,
                "?n=1",
            ),
            (
                &[],
                r#"{"rows":[{"id":2,"n":"b"}],"meta":{"next":2}}"#,
                "?n=1&after=x%2F1",
            ),
            (&[], r#"{"rows":[],"meta":{"next":null}}"#, "?n=1&after=2"),
        ],
    },
    Kind {
        settings: r#"paging = { kind = "link" }"#,
        pages: [
            (
                &[("link", "</products?p=2>; rel=\"next\"")],
                r#"[{"id":1,"n":"a"}]"#,
                "",
            ),
            (
                &[(
                    "link",
                    "<http://crm/products?p=3>; rel=next, </x>; rel=first",
                )],
                r#"[{"id":2,"n":"b"}]"#,
                "?p=2",
            ),
            (&[("link", "</products?p=1>; rel=\"first\"")], "[]", "?p=3"),
        ],
    },
    Kind {
        settings: r#"records = "$.rows"
        paging = { kind = "next-url", next = "$.next" }"#,
        pages: [
            (&[], r#"{"rows":[{"id":1,"n":"a"}],"next":"?p=2"}"#, ""),
            (
                &[],
                r#"{"rows":[{"id":2,"n":"b"}],"next":"/products?p=3"}"#,
                "?p=2",
            ),
            (&[], r#"{"rows":[]}"#, "?p=3"),
        ],
    },
];

#[test]
fn pages_are_followed_to_the_last_and_a_query_that_broke_off_goes_on() {
    local(async {
        for Kind { settings, pages } in KINDS {
            let world = World::start(settings).await;
            let asked = pages.map(|(_, _, query)| format!("GET http://crm/products{query}"));
            for (headers, body, _) in pages {
                world.answer(200, headers, body);
            }
            let all = world.pull("").await;
            assert_eq!(
                all[5],
                json!({"insert": {"1": {"n": "a"}, "2": {"n": "b"}}}),
                "{settings}"
            );
            assert_eq!(world.asked(), asked);
            world.pull(all[1]["token"].as_str().unwrap()).await;
            // It breaks off after the first page, which deletes nothing, and goes on with the second.
            let (headers, body, _) = pages[0];
            world.answer(200, headers, &body.replace("\"a\"", "\"c\""));
            world.answer(500, &[], "");
            let told = world.pull("").await;
            assert_eq!(told[5]["insert"], json!({"1": {"n": "c"}}), "{settings}");
            assert_eq!(told[5].get("delete"), None, "{settings}");
            assert_eq!(world.asked(), asked[..2]);
            for (headers, body, _) in &pages[1..] {
                world.answer(200, headers, body);
            }
            let told = world.pull("").await;
            assert_eq!(world.asked(), asked[1..], "{settings}");
            assert_eq!(told[5], json!({"insert": {"1": {"n": "c"}}}), "{settings}");
        }
    });
}

#[test]
fn a_next_page_elsewhere_gets_no_credentials_and_one_that_is_itself_ends_the_query() {
    local(async {
        let world = World::start(
            "records = \"$.rows\"\npaging = { kind = \"next-url\", next = \"$.next\" }",
        )
        .await;
        for (next, said) in [
            ("http://evil/products", "another server"),
            ("https://crm/products", "another server"),
            ("http://crm@evil/products", "another server"),
            ("//evil/products", "neither"),
            ("products", "neither"),
        ] {
            world.answer(200, &[], &json!({"rows": [], "next": next}).to_string());
            let told = world.pull("").await;
            let message = told[5]["source-error"]["query-error"]["message"]
                .as_str()
                .unwrap_or_default();
            assert!(message.contains(said), "{next}: {told}");
            assert_eq!(world.asked().len(), 1);
        }
        for _ in 0..2 {
            world.answer(200, &[], r#"{"rows":[],"next":"/products?p=2"}"#);
        }
        let told = world.pull("").await;
        assert!(
            told.to_string().contains("is the next one itself"),
            "{told}"
        );
        world.asked();
        // It goes on at the second page.
        for page in [3, 2, 3, 2] {
            let body = format!(r#"{{"rows":[],"next":"/products?p={page}"}}"#);
            world.answer(200, &[], &body);
        }
        let told = world.pull("").await;
        assert!(told.to_string().contains("leads back"), "{told}");
        assert_eq!(world.asked().len(), 2);
    });
}

/// Pages with what tells them from others.
fn with_tags(
    pages: [Page; 3],
    tags: [&'static str; 3],
) -> Vec<(Vec<(&'static str, &'static str)>, String)> {
    let pages = pages.into_iter().zip(tags);
    pages
        .map(|((headers, body, _), tag)| {
            let headers = headers.iter().copied().chain([("etag", tag)]);
            (headers.collect(), body.to_owned())
        })
        .collect()
}

#[test]
fn pages_that_have_not_changed_are_not_read_again() {
    local(async {
        for Kind { settings, pages } in KINDS {
            let is_link = settings.contains("\"link\"");
            let world = World::start(settings).await;
            for (headers, body) in with_tags(pages, ["\"a\"", "\"b\"", "\"c\""]) {
                world.answer(200, &headers, &body);
            }
            world.pull("").await;
            world.asked();
            let condition = |at: usize, tag: &str| {
                let (_, _, query) = pages[at];
                format!("GET http://crm/products{query} if-none-match=\"{tag}\"")
            };
            // Nothing has changed. Of the last page by a link only the whole answer says that it still is the last.
            let mut asked = vec![condition(0, "a"), condition(1, "b"), condition(2, "c")];
            world.answer(304, &[], "");
            world.answer(304, &[], "");
            let [_, _, (headers, body)] = &with_tags(pages, ["", "", "\"c\""])[..] else {
                panic!("three pages");
            };
            match is_link {
                true => {
                    asked[2] = "GET http://crm/products?p=3".to_owned();
                    world.answer(200, headers, body);
                }
                false => world.answer(304, &[], ""),
            }
            let told = world.pull("").await;
            assert_eq!(told[5].get("delete"), None, "{settings}: {told}");
            assert_eq!(told[5].get("source-error"), None, "{settings}: {told}");
            assert_eq!(world.asked(), asked, "{settings}");
            // The second page has: everything is read, and what is gone from it is deleted.
            world.answer(304, &[], "");
            let changed = |at: usize| pages[at].1.replace("\"b\"", "\"new\"");
            world.answer(200, &[], &changed(1));
            for (at, (headers, _)) in with_tags(pages, ["\"a\"", "\"d\"", "\"c\""])
                .iter()
                .enumerate()
            {
                world.answer(200, headers, &changed(at));
            }
            let told = world.pull("").await;
            assert_eq!(
                told[5]["insert"]["2"],
                json!({"n": "new"}),
                "{settings}: {told}"
            );
            assert_eq!(world.asked().len(), 5, "{settings}");
            // The first page has: it is not asked for twice.
            let first = pages[0].1.replace("\"a\"", "\"first\"");
            world.answer(200, pages[0].0, &first);
            for (at, (headers, _, _)) in pages.iter().enumerate().skip(1) {
                world.answer(200, headers, &changed(at));
            }
            let told = world.pull("").await;
            assert_eq!(
                told[5]["insert"]["1"],
                json!({"n": "first"}),
                "{settings}: {told}"
            );
            assert_eq!(world.asked().len(), 3, "{settings}");
            // A page without a tag: the next time everything is read.
            for (headers, body, _) in pages {
                world.answer(200, headers, body);
            }
            world.pull("").await;
            let asked = world.asked();
            assert!(
                asked.iter().all(|line| !line.contains("if-none-match")),
                "{asked:?}"
            );
        }
    });
}
