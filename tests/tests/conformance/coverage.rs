//! Whether the suite covers what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, bail};
use libtest_mimic::{Failed, Trial};

use crate::case::{Case, folder};

/// Method and path template.
type Row = (String, String);

/// What cases show of a route.
#[derive(Clone, Copy, Default)]
struct Shown {
    good: bool,
    bad: bool,
}

/// The checks, each as a test.
pub(crate) fn trials(cases: &[Case]) -> Vec<Trial> {
    let shown = shown(cases);
    let trial = |name: &str, check: Result<()>| {
        let check = check.map_err(|error| Failed::from(format!("{error:#}")));
        Trial::test(format!("coverage::{name}"), move || check)
    };
    vec![
        trial(
            "the_router_has_the_protocols_routes_and_no_others",
            compare_tables(),
        ),
        trial(
            "every_route_has_a_good_and_a_bad_case",
            every_route_is_shown(&shown),
        ),
    ]
}

/// What the exchanges of all cases show, by route.
fn shown(cases: &[Case]) -> BTreeMap<Row, Shown> {
    let mut shown: BTreeMap<Row, Shown> = BTreeMap::new();
    for exchange in cases.iter().flat_map(|case| &case.exchanges) {
        let path = exchange.target.split('?').next().unwrap_or_default();
        // What is sent to the back end is no route of the server's.
        let Some(template) = path
            .starts_with('/')
            .then(|| sync_handler::template_of(path))
        else {
            continue;
        };
        let Some(template) = template else { continue };
        let row = (exchange.method.clone(), template.to_owned());
        let entry = shown.entry(row).or_default();
        match exchange.status {
            200..400 => entry.good = true,
            // Wrong methods are not the route's.
            405 => {}
            _ => entry.bad = true,
        }
    }
    shown
}

fn every_route_is_shown(shown: &BTreeMap<Row, Shown>) -> Result<()> {
    let mut missing = Vec::new();
    for (method, path) in sync_handler::routes() {
        let row = (method.to_string(), path.to_owned());
        let it = shown.get(&row).copied().unwrap_or_default();
        if !it.good && !SHOWN_ELSEWHERE.contains(&path) {
            missing.push(format!("{method} {path} has no good case"));
        }
        if !it.bad && !CANNOT_FAIL.contains(&path) {
            missing.push(format!("{method} {path} has no bad case"));
        }
    }
    if !missing.is_empty() {
        bail!(
            "{} cases are missing:\n{}",
            missing.len(),
            missing.join("\n")
        );
    }
    Ok(())
}

/// What no request brings about: a job that is dead, a change that a back end does not take, a back end that proves who it is, an
/// answer that goes on for minutes. The tests of jobs, of changes, of adapters and of event streams have them.
const SHOWN_ELSEWHERE: [&str; 5] = [
    "/sync/v1/events",
    "/api/v1/jobs/{job}/retry",
    "/api/v1/changes/{change}",
    "/api/v1/changes/{change}/retry",
    "/hooks/{source}",
];

/// Addresses that take nothing that could be wrong.
const CANNOT_FAIL: [&str; 4] = ["/", "/health", "/ready", "/api/v1/openapi.json"];

/// Compares `routes.txt`, the protocol's tables, with the router. `/api/v1` has its OpenAPI document.
fn compare_tables() -> Result<()> {
    let file = folder().join("routes.txt");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let documented: BTreeSet<Row> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (method, path) = line.split_once(' ').with_context(|| format!("{line:?}"))?;
            Ok((method.to_owned(), path.trim().to_owned()))
        })
        .collect::<Result<_>>()?;
    let served: BTreeSet<Row> = sync_handler::routes()
        .filter(|(_, path)| !path.starts_with("/api/v1/"))
        .map(|(method, path)| (method.to_string(), path.to_owned()))
        .collect();
    let list = |rows: Vec<&Row>| {
        let rows: Vec<String> = rows
            .iter()
            .map(|(method, path)| format!("{method} {path}"))
            .collect();
        rows.join("\n")
    };
    let missing = list(documented.difference(&served).collect());
    let surplus = list(served.difference(&documented).collect());
    if !missing.is_empty() || !surplus.is_empty() {
        bail!("not served:\n{missing}\nin no table:\n{surplus}");
    }
    Ok(())
}
