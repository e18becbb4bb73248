//! Templates for what goes out: `{{ id }}`, `{% if … %}`, `{% for … %}`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::rc::Rc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use upon::Value;

use super::names;

/// What stays as it is in a segment of a path (RFC 3986, unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How values are written, so that none can be anything but a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As they are: whoever uses the text escapes it.
    Plain,
    /// Percent-encoded: paths and forms.
    Url,
    /// As JSON: texts with their quotation marks, lists and objects whole.
    Json,
    /// As text of an element or attribute.
    Xml,
}

/// A compiled template.
#[derive(Clone)]
pub(crate) struct Template(Rc<Compiled>);

struct Compiled {
    engine: upon::Engine<'static>,
    template: upon::Template<'static>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template")
            .field(&self.0.template.source())
            .finish()
    }
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn compile(text: &str, escape: Escape) -> Result<Self, String> {
        let mut engine = upon::Engine::new();
        match escape {
            Escape::Plain => engine.set_default_formatter(&write_plain),
            Escape::Url => engine.set_default_formatter(&write_url),
            Escape::Json => engine.set_default_formatter(&write_json),
            Escape::Xml => engine.set_default_formatter(&write_xml),
        }
        let text = match escape {
            Escape::Json => without_closing_pairs(text),
            _ => text.to_owned(),
        };
        let template = engine.compile(text.clone());
        let template = template.map_err(|error| explained(&error, &text))?;
        Ok(Self(Rc::new(Compiled { engine, template })))
    }

    /// Fills the template in.
    ///
    /// # Errors
    /// What the template names and is not there; for a value that may be missing, templates write `object?.name`.
    pub(crate) fn render(&self, context: &Context) -> Result<String, String> {
        let Compiled { engine, template } = &*self.0;
        template
            .render_from(engine, &context.0)
            .to_string()
            .map_err(|error| explained(&error, template.source()))
    }

    /// Compiles a text of calls that know these names. It refuses others: nobody would notice them until a device needs the call.
    ///
    /// # Errors
    /// As [`Template::compile`], and the name that is not known, with those that are.
    pub(crate) fn compile_knowing(
        text: &str,
        escape: Escape,
        known: &[&str],
    ) -> Result<Self, String> {
        let template = Self::compile(text, escape)?;
        Self::check_names(text, known)?;
        Ok(template)
    }

    fn check_names(text: &str, known: &[&str]) -> Result<(), String> {
        match names::unknown_name(text, known) {
            None => Ok(()),
            Some(name) => Err(format!(
                "names {name:?}, which is not known here; there are {}",
                known.join(", ")
            )),
        }
    }
}

/// What is wrong, and the words of the template that it is wrong with.
fn explained(error: &upon::Error, text: &str) -> String {
    let long = format!("{error:#}");
    let place = long
        .lines()
        .find_map(|line| line.trim().strip_prefix("-->"));
    let words = place.and_then(|place| {
        let mut numbers = place.rsplit(':').map(str::parse::<usize>);
        let (column, line) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let line = text.lines().nth(line.checked_sub(1)?)?;
        let width = long.matches('^').count();
        Some(
            line.chars()
                .skip(column.checked_sub(1)?)
                .take(width)
                .collect::<String>(),
        )
    });
    match words.filter(|words| !words.is_empty()) {
        Some(words) => format!("{error}: {words:?}"),
        None => error.to_string(),
    }
}

/// A JSON template in which no two brackets that close objects stand together: the engine takes them for the end of an
/// expression that never began. JSON does not mind the space.
fn without_closing_pairs(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let begin = ["{{", "{%", "{#"]
            .into_iter()
            .filter_map(|mark| rest.find(mark))
            .min();
        let (outside, tag) = rest.split_at(begin.unwrap_or(rest.len()));
        for c in outside.chars() {
            if c == '}' && spaced.ends_with('}') {
                spaced.push(' ');
            }
            spaced.push(c);
        }
        let end = ["}}", "%}", "#}"]
            .into_iter()
            .filter_map(|mark| tag.find(mark))
            .min();
        let (tag, behind) = tag.split_at(end.map_or(tag.len(), |end| end + 2));
        spaced.push_str(tag);
        rest = behind;
        if rest.is_empty() {
            return spaced;
        }
    }
}

/// What a template may name.
#[derive(Debug, Clone)]
pub(crate) struct Context(Value);

impl Context {
    pub(crate) fn new<N: Into<String>>(
        values: impl IntoIterator<Item = (N, serde_json::Value)>,
    ) -> Self {
        let values = values.into_iter();
        let values = values.map(|(name, value)| (name.into(), to_value(value)));
        Self(Value::Map(values.collect()))
    }
}

fn to_value(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(it) => Value::Bool(it),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => Value::Float(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(elements) => {
            Value::List(elements.into_iter().map(to_value).collect())
        }
        serde_json::Value::Object(members) => {
            let members = members.into_iter();
            let members: BTreeMap<_, _> = members.map(|(name, it)| (name, to_value(it))).collect();
            Value::Map(members)
        }
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::None => serde_json::Value::Null,
        Value::Bool(it) => (*it).into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::List(elements) => elements.iter().map(to_json).collect(),
        Value::Map(members) => {
            let members = members.iter();
            let members = members.map(|(name, it)| (name.clone(), to_json(it)));
            serde_json::Value::Object(members.collect())
        }
    }
}

/// A value as text; lists and objects as JSON.
fn text_of(value: &Value) -> String {
    crate::model::to_text(to_json(value))
}

fn write_plain(f: &mut upon::fmt::Formatter<'_>, value: &Value) -> upon::fmt::Result {
    Ok(f.write_str(&text_of(value))?)
}

fn write_url(f: &mut upon::fmt::Formatter<'_>, value: &Value) -> upon::fmt::Result {
    // A segment of dots alone would climb out of the path.
    match text_of(value).as_str() {
        "." => f.write_str("%2E")?,
        ".." => f.write_str("%2E%2E")?,
        text => write!(f, "{}", utf8_percent_encode(text, SEGMENT))?,
    }
    Ok(())
}

fn write_json(f: &mut upon::fmt::Formatter<'_>, value: &Value) -> upon::fmt::Result {
    Ok(write!(f, "{}", to_json(value))?)
}

fn write_xml(f: &mut upon::fmt::Formatter<'_>, value: &Value) -> upon::fmt::Result {
    for c in text_of(value).chars() {
        match c {
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '&' => f.write_str("&amp;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&apos;")?,
            // Neither text nor reference: XML has no way to say these.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                return Err("a control character cannot be written as XML".into());
            }
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;
    use crate::mapping::xml::read_xml;

    /// What templates are made of, and what they stumble over.
    const PIECES: [&str; 26] = [
        "{{", "}}", "{%", "%}", "{#", "#}", "{", "}", "%", "if", "else", "elif", "endif",
        "for x in", "endfor", " ", "id", "object", ".name", "?.no", "?", "|", "\"", "0", "\0", "é",
    ];

    fn render(text: &str, escape: Escape) -> Result<String, String> {
        let object = json!({"name": "a \"b\" <&> ü", "price": 9.5, "tags": [1, "x"], "up": ".."});
        let context = Context::new([("id", json!("a/b?c")), ("object", object)]);
        Template::compile(text, escape)?.render(&context)
    }

    #[test]
    fn a_value_stays_a_value_wherever_it_stands() {
        for (escape, text, filled) in [
            (Escape::Url, "/x/{{ id }}", "/x/a%2Fb%3Fc"),
            (Escape::Url, "/x/{{ object.up }}/y", "/x/%2E%2E/y"),
            (
                Escape::Json,
                r#"{"n":{{ object.name }},"all":{{ object.tags }},"no":{{ object?.no }},"in":{"p":{{ object.price }}}}"#,
                r#"{"n":"a \"b\" <&> ü","all":[1,"x"],"no":null,"in":{"p":9.5 } }"#,
            ),
            (
                Escape::Xml,
                "<n a=\"{{ object.name }}\"/>",
                "<n a=\"a &quot;b&quot; &lt;&amp;&gt; ü\"/>",
            ),
            (
                Escape::Plain,
                "{{ object.tags }} {{ id }}",
                "[1,\"x\"] a/b?c",
            ),
            (
                Escape::Xml,
                "{% for tag in object.tags %}<t>{{ tag }}</t>{% endfor %}{% if object?.no %}no{% endif %}",
                "<t>1</t><t>x</t>",
            ),
        ] {
            assert_eq!(render(text, escape).unwrap(), filled, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_template_is_said() {
        assert!(render("{{ id", Escape::Url).is_err(), "a syntax error");
        assert!(
            render("{{ object.nothing }}", Escape::Url).is_err(),
            "nothing of that name"
        );
        let control = Context::new([("id", json!("\u{1}"))]);
        let template = Template::compile("{{ id }}", Escape::Xml).unwrap();
        assert!(template.render(&control).is_err());
        let unknown = render("/a/{{ nobody }}", Escape::Url);
        assert_eq!(
            unknown,
            Err("render error: not found in this scope: \"nobody\"".to_owned())
        );
    }

    #[test]
    fn a_name_that_no_call_knows_is_found_without_a_call() {
        let known = ["user", "object"];
        for text in [
            "/{{ user }}/{{ object.user }}{{ object?.x.y }}",
            "{% for key, it in object %}{{ key }}{{ it.name }}{% endfor %}",
            "{% if not user %}{% elif object?.a %}{% else %}{% endif %}{% with object.a as b %}{{ b }}{% endwith %}",
            "{# {{ nobody }} #} nobody {{ \"no}}body\" }}{{ 1 }}{{ true }}",
            "{{ user",
        ] {
            assert_eq!(Template::check_names(text, &known), Ok(()), "{text}");
        }
        for text in [
            "{{ usr }}",
            "{% if usr?.x %}{% endif %}",
            "{% for a in usr %}{% endfor %}",
        ] {
            let error = Template::check_names(text, &known).unwrap_err();
            assert!(
                error.contains("\"usr\"") && error.contains("user, object"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_a_template_is_compiled_or_refused(
            pieces in vec(select(&PIECES[..]), 0..24),
            escape in select(&[Escape::Plain, Escape::Url, Escape::Json, Escape::Xml][..]),
        ) {
            let _ = render(&pieces.concat(), escape);
        }

        #[test]
        fn whatever_a_value_is_it_stays_one(value in any::<String>()) {
            let context = Context::new([("v", json!(value))]);
            let fill = |text: &str, escape| {
                Template::compile(text, escape).and_then(|template| template.render(&context))
            };
            let json = fill(r#"{"a":{{ v }},"b":{"c":{{ v }}}}"#, Escape::Json).unwrap();
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(json, json!({"a": value, "b": {"c": value}}));

            let form = fill("k={{ v }}&x=1", Escape::Url).unwrap();
            let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            let sent = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            prop_assert_eq!(pairs, [sent("k", &value), sent("x", "1")]);

            // What XML cannot say is refused.
            if let Ok(xml) = fill("<r a=\"{{ v }}\"><t>{{ v }}</t><u>1</u></r>", Escape::Xml) {
                let read = read_xml(&xml, &mut |_| Ok(())).unwrap();
                prop_assert_eq!(&read["r"]["u"], "1");
                let members = read["r"].as_object().map(|members| members.len());
                prop_assert_eq!(members, Some(3));
            }
        }
    }
}
