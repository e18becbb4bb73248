use super::*;

fn page(body: &str) -> Page {
    Page::parse(body.as_bytes()).unwrap()
}

#[test]
fn reads_a_page_of_every_part() {
    let page = page(
        r#"[{"version":3},{"token":"42"},{"source":"Product"},{"count":2},{"refresh_time":5},{"progress_count":7},
            {"total_count":9},{"insert":{"1":{"price":"2"}},"delete":{"2":{"name":"x"}},"links":{"t":{"l":"77"}},
            "metadata":"{}","create-error":{"t2":{"name":"n"},"t2-error":{"message":"no"}},
            "source-error":{"query-error":{"message":"down"}},"update-rollback":{"3":{"name":"old"}}}]"#,
    );
    assert_eq!(page.token.unwrap().to_string(), "42");
    assert_eq!(
        (
            page.count,
            page.refresh_time,
            page.progress_count,
            page.total_count
        ),
        (2, Some(5), 7, 9)
    );
    let Command {
        source_errors,
        rejections,
        rollbacks,
        metadata,
        links,
        delete,
        insert,
        ..
    } = page.command;
    assert_eq!(insert["1"]["price"], "2");
    assert_eq!(delete["2"]["name"], "x");
    assert_eq!(links["t"], "77");
    assert_eq!(metadata.unwrap(), "{}");
    assert_eq!(rollbacks["3"]["name"], "old");
    assert_eq!(
        (&*source_errors[0].kind, &*source_errors[0].message),
        ("query-error", "down")
    );
    let [
        Rejection {
            operation,
            id,
            message,
            attributes,
        },
    ] = &rejections[..]
    else {
        panic!("{rejections:?}")
    };
    assert_eq!(
        (operation, &**id, &**message, &*attributes["name"]),
        (&Operation::Create, "t2", "no", "n")
    );
}

#[test]
fn a_token_of_zero_one_or_nothing_acknowledges_nothing() {
    for token in [r#""""#, r#""0""#, "0", "1", "null", r#""abc""#] {
        assert_eq!(
            page(&format!(r#"[{{"version":3}},{{"token":{token}}},{{}}]"#)).token,
            None,
            "{token}"
        );
    }
    assert_eq!(
        page(r#"[{"version":3},{"token":2}]"#).token,
        Token::from_wire("2")
    );
}

#[test]
fn an_item_out_of_its_place_hides_everything_after_it() {
    let page = page(r#"[{"version":3},{"count":1},{"token":"9"},{"insert":{"1":{"a":"b"}}}]"#);
    assert_eq!(page.token, None);
    assert!(page.command.insert.is_empty());
}

#[test]
fn values_that_are_not_text_are_read_as_text() {
    let page = page(
        r#"[{"version":3},{"insert":{"1":{"a":1.5,"b":true,"c":null,"d":[1,"x"],"e":{"f":-2}}}}]"#,
    );
    let values: Vec<&str> = page.command.insert["1"]
        .values()
        .map(String::as_str)
        .collect();
    assert_eq!(values, ["1.5", "true", "", r#"[1,"x"]"#, r#"{"f":-2}"#]);
}

#[test]
fn an_object_whose_id_ends_like_an_error_is_not_taken_for_one() {
    let page = page(
        r#"[{"version":3},{"delete-error":{"io-error":{"name":"x"},"io-error-error":{"message":"no"}}}]"#,
    );
    assert_eq!(page.command.rejections[0].id, "io-error");
}

#[test]
fn what_is_no_page_is_refused() {
    assert!(matches!(Page::parse(b"[]"), Err(PageError::Empty)));
    assert!(matches!(Page::parse(b"<html>"), Err(PageError::Json(_))));
    assert!(matches!(
        Page::parse(br#"[{"version":4},{}]"#),
        Err(PageError::Version(4))
    ));
}
