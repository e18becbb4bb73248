//! First syncs by an image and by pages: objects for each second of the host's processor.

#![expect(
    clippy::expect_used,
    reason = "a program that cannot set up its world has nothing to say"
)]

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::{Map, Value, json};
use test_support::{Deployment, Options, Rest, password_of, until};

use crate::device::product;
use crate::machine::Cpu;
use crate::report::Budget;

/// Objects of the source.
const OBJECTS: usize = 10_000;

/// Objects of one call that loads data.
const CHUNK: usize = 2_000;

/// First syncs of one turn, of which there are so many each.
const AT_A_TURN: usize = 10;
const TURNS: usize = 7;

/// How many times as many objects by image as by pages.
const LEAST: f64 = 5.0;

/// Most of the server's processor time that the program which asks may take.
const MOST_LOAD: f64 = 0.1;

const SOURCE: &str = "Board";

/// Measures it, on a server of its own.
pub(crate) fn measure() -> Result<Budget> {
    let deployment = Deployment::start(Options {
        products: 0,
        ..Options::default()
    });
    deployment.create_user("anna");
    for begin in (0..OBJECTS).step_by(CHUNK) {
        let objects = (begin..begin + CHUNK)
            .map(|number| (format!("p{number:06}"), product(number, 1)))
            .collect::<Map<_, _>>();
        let objects = Value::Object(objects);
        deployment.admin().push_objects(SOURCE, "anna", &objects);
    }
    let rest = deployment.rest();
    let login = json!({"login": "anna", "password": password_of("anna")});
    let session = rest.expect(201, Method::POST, "/sync/v1/session", &login);
    let session: Value = serde_json::from_slice(session.body())?;
    let access = session.get("access").and_then(Value::as_str);
    let rest = rest.with_bearer(access.context("an access token")?);
    until("an image", || image(&rest));

    let host = deployment.host_id().context("the host runs")?;
    let (mut ratios, mut shares) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let pages = cost(host, || by_pages(&rest))?;
        let images = cost(host, || by_image(&rest))?;
        ratios.push(pages.server.as_secs_f64() / images.server.as_secs_f64());
        // The ratio counts on the side that costs the server less.
        shares.push(images.load.as_secs_f64() / images.server.as_secs_f64());
    }
    for values in [&mut ratios, &mut shares] {
        values.sort_by(f64::total_cmp);
    }
    let middle = |values: &[f64]| values.get(TURNS / 2).copied().unwrap_or(f64::NAN);
    let what = "first sync of 10 000 objects by image: objects for each second of the host's processor, compared with pages";
    let mut budget = Budget::at_least(what, middle(&ratios), LEAST, "×");
    budget.note_load(middle(&shares), MOST_LOAD);
    Ok(budget)
}

/// What the host and this program spend on one first sync.
fn cost(host: u32, mut sync: impl FnMut() -> Result<()>) -> Result<Cpu> {
    let before = Cpu::of(host, host)?;
    for _ in 0..AT_A_TURN {
        sync()?;
    }
    Ok((Cpu::of(host, host)? - before).each(AT_A_TURN as u64))
}

fn ask(rest: &Rest, cursor: &Value, images: &[&str]) -> Vec<Value> {
    let body = json!({"have": {SOURCE: cursor}, "images": images, "max_bytes": 4 << 20});
    let answer = rest.expect(200, Method::POST, "/sync/v1/sync", &body);
    let lines = answer.body().split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect()
}

fn image(rest: &Rest) -> Option<Value> {
    let lines = ask(rest, &Value::Null, &["ndjson"]);
    lines.first()?.get("image").cloned()
}

fn by_pages(rest: &Rest) -> Result<()> {
    let (mut cursor, mut came) = (Value::Null, 0);
    loop {
        let lines = ask(rest, &cursor, &[]);
        let news = lines.first().context("news")?;
        came += news
            .get("objects")
            .and_then(Value::as_object)
            .map_or(0, Map::len);
        cursor = news.get("cursor").cloned().context("a cursor")?;
        if news.get("more") == Some(&Value::Bool(false)) {
            ensure!(came == OBJECTS, "{came} objects came");
            return Ok(());
        }
    }
}

fn by_image(rest: &Rest) -> Result<()> {
    let image = image(rest).context("an image")?;
    let word = |name: &str| image.get(name).cloned().context("a word of it");
    let url = word("url")?;
    let answer = rest.expect(
        200,
        Method::GET,
        url.as_str().unwrap_or_default(),
        &Value::Null,
    );
    ensure!(word("bytes")? == answer.body().len(), "it was cut off");
    let lines = ask(rest, &word("cursor")?, &[]);
    let check = lines.first().and_then(|news| news.get("check"));
    ensure!(check.is_some(), "there is more: {lines:?}");
    Ok(())
}
