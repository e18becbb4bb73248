use super::*;

#[test]
fn control_characters_are_refused_everywhere() {
    assert_eq!(
        ObjectId::parse("a\u{0}b"),
        Err(InvalidId::Character {
            kind: "the object id",
            character: '\u{0}'
        })
    );
    assert!(UserId::parse("a\nb").is_err());
    assert!(AttributeName::parse("\u{7f}").is_err());
}

#[test]
fn a_new_name_is_seen_as_it_is() {
    for good in ["anna", "Anna Meier", "محمد", "👩\u{200d}🚀", "a"] {
        assert!(UserId::parse_new(good).is_ok(), "{good:?}");
    }
    for bad in [
        "",
        "  ",
        "\u{3000}",
        " anna",
        "anna\u{a0}",
        "an\u{200b}na",
        "\u{202e}anna",
        "anna\u{200f}",
        "an\0na",
    ] {
        assert!(UserId::parse_new(bad).is_err(), "{bad:?}");
        assert_eq!(
            UserId::parse(bad).is_err(),
            bad.is_empty() || bad.contains('\0')
        );
    }
}

#[test]
fn object_ids_may_be_urns_but_source_names_stay_simple() {
    assert!(ObjectId::parse("urn:isbn:{0451450523}").is_ok());
    assert!(SourceName::parse("a:b").is_err());
    assert!(SourceName::parse("{x}").is_err());
    assert!(ClientId::parse("a/b").is_err());
}

#[test]
fn tokens_are_decimal_numbers_below_two_to_the_53() {
    assert_eq!(Token::parse(""), Ok(None));
    assert_eq!(Token::parse("1"), Ok(None));
    assert_eq!(Token::parse("42"), Ok(Some(Token::new(42))));
    for wrong in [
        "-1",
        "+5",
        "abc",
        "1.5",
        " 7",
        "9007199254740992",
        "99999999999999999999999",
    ] {
        assert_eq!(Token::parse(wrong), Err(InvalidToken), "{wrong}");
    }
}

#[test]
fn narrowings_differ_where_questions_do() {
    let by = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        let parameters: Vec<_> = pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Narrowing::by(None, &parameters)
    };
    assert_eq!(by(&[]), None);
    assert_eq!(by(&[("a", "1"), ("b", "2")]), by(&[("b", "2"), ("a", "1")]));
    assert_ne!(by(&[("a", "1"), ("a", "2")]), by(&[("a", "2"), ("a", "1")]));
    assert_ne!(by(&[("a", "1b")]), by(&[("a1", "b")]));
    let parameters = [("a".to_owned(), "1".to_owned())];
    let [north, south] = ["north", "south"].map(|name| PartitionName::parse(name).unwrap());
    let narrowed = |name| Narrowing::by(name, &parameters);
    assert_ne!(narrowed(Some(&north)), narrowed(Some(&south)));
    assert_ne!(narrowed(Some(&north)), narrowed(None));
}

#[test]
fn partitions_survive_being_stored() {
    let members = vec![
        Partition::Named(PartitionName::parse("region/\"a\",b").unwrap()),
        Partition::User(UserId::parse("a: b").unwrap()),
    ];
    let combined = Partition::Combined(Members::new(members).unwrap());
    for partition in [
        Partition::App,
        Partition::User(UserId::parse("app").unwrap()),
        Partition::Named(PartitionName::parse("a:b/c").unwrap()),
        Partition::Narrowed(
            UserId::parse("a: b").unwrap(),
            Narrowing::by(None, &[("x".to_owned(), "1".to_owned())]).unwrap(),
        ),
        combined.clone(),
    ] {
        assert_eq!(
            Partition::from_stored(&partition.to_stored()),
            Some(partition)
        );
    }
    for wrong in [
        "combined:",
        "combined:[]",
        r#"combined:["app"]"#,
        r#"combined:["app","everybody"]"#,
        &format!(
            "combined:{}",
            serde_json::json!(["app", combined.to_stored()])
        ),
    ] {
        assert_eq!(Partition::from_stored(wrong), None, "{wrong}");
    }
}
