use serde_json::json;

use super::*;

fn mapping() -> Mapping {
    Mapping {
        format: Format::Json,
        delimiter: b',',
        records: Path::parse("$.items[*]").unwrap(),
        children: None,
        id: vec![Path::parse("id").unwrap()],
        selection: Selection::All,
        omit: BTreeSet::new(),
        nested: Nested::Json,
        types: BTreeMap::new(),
    }
}

fn objects(mapping: &Mapping, answer: Value) -> Value {
    let records = mapping.records(answer).unwrap();
    let objects = records
        .into_iter()
        .map(|record| mapping.object(record).unwrap());
    objects
        .map(|Mapped { id, values }| (id, Value::Object(values.unwrap())))
        .collect::<Map<_, _>>()
        .into()
}

fn paths<const N: usize>(paths: [(&str, &str); N]) -> BTreeMap<String, Path> {
    paths
        .map(|(name, path)| (name.to_owned(), Path::parse(path).unwrap()))
        .into()
}

#[test]
fn values_are_renamed_left_out_and_flattened_and_find_back() {
    let answer = || json!({"items": [{"id": 7, "title": "Lamp", "secret": 1, "size": {"w": 2, "box": {"h": 3}}, "tags": ["a"]}]});
    let sent = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Attributes>()
    };
    let flat = Mapping {
        nested: Nested::Flatten,
        omit: ["secret".to_owned()].into(),
        types: [("size.w".to_owned(), AttributeType::Number)].into(),
        ..mapping()
    };
    assert_eq!(
        objects(&flat, answer()),
        json!({"7": {"title": "Lamp", "size.w": 2, "size.box.h": 3, "tags": ["a"]}})
    );
    let back = flat
        .to_back_end(&sent(&[
            ("size.w", "4"),
            ("size.box.h", "5"),
            ("title", "x"),
        ]))
        .unwrap();
    assert_eq!(
        Value::Object(back),
        json!({"title": "x", "size": {"w": 4, "box": {"h": "5"}}})
    );

    let renamed = Mapping {
        selection: Selection::At(paths([
            ("name", "$.title"),
            ("width", "$.size.w"),
            ("first", "$.tags[?@ != 'b']"),
            ("none", "$.none"),
        ])),
        ..mapping()
    };
    assert_eq!(
        objects(&renamed, answer()),
        json!({"7": {"name": "Lamp", "width": 2, "first": "a"}})
    );
    let back = renamed
        .to_back_end(&sent(&[
            ("name", "x"),
            ("width", "4"),
            ("first", "b"),
            ("new", "n"),
        ]))
        .unwrap();
    assert_eq!(
        Value::Object(back),
        json!({"title": "x", "size": {"w": "4"}, "new": "n"})
    );
}

#[test]
fn records_within_records_are_a_source_of_their_own() {
    let lines = Mapping {
        records: Path::parse("$.orders").unwrap(),
        children: Some(Children {
            records: Path::parse("lines").unwrap(),
            parent: paths([("order", "$.no"), ("city", "$.to.city")]),
        }),
        id: ["order", "pos"]
            .map(|path| Path::parse(path).unwrap())
            .into(),
        ..mapping()
    };
    let answer = json!({"orders": [
        {"no": 1, "to": {"city": "Bern"}, "lines": [{"pos": 1, "n": "a"}, {"pos": 2, "n": "b"}]},
        {"no": 2, "lines": []},
        {"no": 3},
    ]});
    let all = json!({
        "1:1": {"order": 1, "pos": 1, "n": "a", "city": "Bern"},
        "1:2": {"order": 1, "pos": 2, "n": "b", "city": "Bern"},
    });
    assert_eq!(objects(&lines, answer), all);
    assert_eq!(lines.parts_of_id("1:2"), ["1", "2"]);
    let broken = lines.records(json!({"orders": [{"no": 1, "lines": 7}]}));
    assert!(broken.is_err());
}

#[test]
fn one_element_of_xml_is_a_record_as_well() {
    let xml = Mapping {
        format: Format::Xml,
        records: Path::parse("$.list.item").unwrap(),
        id: vec![Path::parse("$['@id']").unwrap()],
        ..mapping()
    };
    let read = |text: &str| {
        objects(
            &xml,
            xml.read_text(text.as_bytes(), &mut |_| Ok(())).unwrap(),
        )
    };
    assert_eq!(
        read("<list><item id='1'><n>a</n></item></list>"),
        json!({"1": {"n": "a"}})
    );
    assert_eq!(
        read("<list><item id='1'/><item id='2'/></list>"),
        json!({"1": {}, "2": {}})
    );
    assert_eq!(read("<list/>"), json!({}));
}

#[test]
fn a_record_without_an_id_is_no_record() {
    let nameless = Record {
        key: None,
        value: json!({"n": 1, "key": 2}),
    };
    let misfit = mapping().object(nameless).unwrap_err().of_record(2, 3);
    let reason = r#"a record has no "id"; it has key, n (record 2 of 3)"#;
    assert_eq!((misfit.setting, misfit.reason.as_str()), ("id", reason));
    for record in [
        json!({"n": 1}),
        json!({"id": null}),
        json!({"id": ""}),
        json!(7),
    ] {
        let record = Record {
            key: None,
            value: record,
        };
        assert!(mapping().object(record).is_err());
    }
}
