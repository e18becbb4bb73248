//! The objects of a copy of a source.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use sync_proto::api::{Listing, ObjectInfo, ObjectVersions, VersionedValue};

use crate::api::{self, encode};
use crate::components::{
    Choices, Column, Found, Messages, Pager, Row, SearchBox, When, choices, empty, facts, loaded,
    problem, sub_heading, table, table_of,
};
use crate::live::{Live, Status};
use crate::page::href;
use crate::pages::comparison::CompareWith;
use crate::pages::keyed;
use crate::pages::sources::{LIST, SHARED};
use crate::session::Session;
use crate::task::Task;
use crate::text;
use crate::url_state::UrlState;

/// The first is the order of the documents' logs.
const OBJECT_ORDERS: [(&str, &str); 2] = [
    ("", "Oldest change first"),
    ("-version", "Newest change first"),
];

const ATTRIBUTE_COLUMNS: &[Column] = &[
    Column::Head("Attribute"),
    Column::Text("Value"),
    Column::Number("Since version"),
];

const EVERY: Duration = Duration::from_secs(10);

/// How the partitions begin that devices have narrowed down.
const PART: &str = "narrowed/";

/// Leads from an address that names a user to the page of that user's copy: copies were found by their users once, and bookmarks last.
fn lead_on(status: Status, (source, user): (String, String), rest: &str) {
    if text::is_copy(&user) {
        return;
    }
    let task = Task::new();
    let navigate = leptos_router::hooks::use_navigate();
    let go = {
        let (base, rest) = (api::source_path(&source), rest.to_owned());
        move |copy: &str| {
            let address = format!("{base}/objects/{}{rest}", encode(copy));
            let options = NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            };
            navigate(&address, options);
        }
    };
    Effect::new(move |_| {
        if !status.is_gone() {
            return;
        }
        if user == SHARED {
            go("app");
            return;
        }
        let (source, go) = (source.clone(), go.clone());
        task.run(api::user_copies(&user, ""), move |copies| {
            // What it is made of comes before the one that the user's devices get.
            let copy = copies.items.iter().rfind(|copy| copy.source == source);
            if let Some(copy) = copy {
                go(&copy.id);
            }
        });
    });
}

/// The parameter of the address that says from whose page somebody came: one of those who share the copy.
pub(super) const USER: &str = "user";

/// The objects of one copy.
#[component]
pub(crate) fn ObjectsPage() -> impl IntoView {
    keyed(
        ["source", "copy"],
        |[source, id]| view! { <Objects source id/> },
    )
}

#[component]
fn Objects(source: String, id: String) -> impl IntoView {
    let session = Session::get();
    let messages = Messages::get();
    let base = format!("/sources/{}/objects/{}", encode(&source), encode(&id));
    let state = UrlState::of(base.clone());
    let title = source.clone();
    let source_path = api::source_path(&source);
    let asked = StoredValue::new((source, id));
    let copy = Live::once(move || {
        let (source, id) = asked.get_value();
        api::copy(&source, &id)
    });
    // A search looks at everything: it is not done again and again while somebody reads what it has found.
    let objects = Live::once(move || {
        let (q, sort, cursor) = (state.get("q"), state.get("sort"), state.cursor());
        let (source, id) = asked.get_value();
        api::objects(&source, &id, &q, &sort, &cursor)
    });
    let whose = move || {
        let copy = copy.data.get()?;
        Some(match copy.partition.as_str() {
            "app" => "shared by everybody".to_owned(),
            partition => format!("copy of {}", text::partition(partition)),
        })
    };
    let user = Signal::derive(move || match state.get(USER) {
        user if user.is_empty() => copy.data.with(|copy| copy.as_ref()?.user.clone()),
        user => Some(user),
    });
    // In whose name the back end is asked.
    let asker = Memo::new(move |_| {
        let copy = copy.data.get()?;
        match copy.partition.as_str() {
            "app" => Some(user.get().unwrap_or_else(|| SHARED.to_owned())),
            partition if partition.starts_with(PART) => None,
            _ => user.get().or(copy.asked_as),
        }
    });
    let why_not = move || {
        let copy = copy.data.get()?;
        let why = match copy.partition.starts_with(PART) {
            true => {
                "Only its device knows by which parameters the back end is asked: it is refreshed when that device syncs."
            }
            false => {
                "No device has this copy by itself: refresh the one that it is part of, or come here from the page of a user who has it."
            }
        };
        (session.may("sources:write") && asker.get().is_none())
            .then(|| view! { <p class="filter">{why}</p> })
    };
    lead_on(copy.status, asked.get_value(), "");
    let task = Task::new();
    let refresh = move |_| {
        let (source, _) = asked.get_value();
        let asker = asker.get_untracked().unwrap_or_default();
        task.run(api::refresh(&source, &asker), move |()| {
            messages.say("The back end is being asked.");
            objects.now();
        });
    };
    let actions = view! {
        <When is=Signal::derive(move || session.may("clients:read") && copy.status.is_here())>
            <CompareWith source=asked.get_value().0 user/>
        </When>
        <When is=Signal::derive(move || session.may("sources:write") && asker.get().is_some())>
            <button type="button" on:click=refresh aria-disabled=move || task.is_busy.get().to_string()>
                "Refresh now"
            </button>
        </When>
        {problem(task)}
    };
    let orders = choices(&OBJECT_ORDERS);
    view! {
        {sub_heading(&[LIST, (&title, &source_path)], title.clone(), whose, actions)}
        <Found status=copy.status what="copy" list=LIST>
            <div class="tools">
                <SearchBox state label="Search in ids and values"/>
                <Choices state name="sort" label="Order" options=orders.clone()/>
            </div>
            {why_not}
            <section class="flush">
                {
                    let base = base.clone();
                    loaded(objects, move |objects| object_table(objects, state, &base))
                }
            </section>
        </Found>
    }
}

/// How many attributes a list has columns for.
const SHOWN: usize = 6;

/// The columns of a list of objects: the attributes that come first, each with whether its values are numbers.
fn columns_of(objects: &[ObjectInfo]) -> Vec<(String, bool)> {
    let mut columns: Vec<(String, bool)> = Vec::new();
    for (name, value) in objects.iter().flat_map(|object| &object.attributes) {
        let has_place = columns.len() < SHOWN;
        match columns.iter_mut().find(|(known, _)| known == name) {
            Some((_, are_numbers)) => *are_numbers &= text::is_number(value),
            None if has_place => columns.push((name.clone(), text::is_number(value))),
            None => {}
        }
    }
    columns
}

fn object_table(
    Listing { items, next }: Listing<ObjectInfo>,
    state: UrlState,
    base: &str,
) -> AnyView {
    if items.is_empty() {
        let title = match (state.get("q").is_empty(), next.is_some()) {
            (_, true) => "Nothing was found so far.",
            (true, false) => "There are no objects.",
            (false, false) => "No object has that in it.",
        };
        return view! {
            {empty(title, "Objects come from the back end, and from devices.")}
            <Pager state next/>
        }
        .into_any();
    }
    let shown = columns_of(&items);
    let rows = items.into_iter().map(|object| {
        let address = href(&format!("{base}/{}", encode(&object.id)));
        let mut cells =
            vec![view! { <a class="row id" href=address>{object.id.clone()}</a> }.into_any()];
        cells.extend(shown.iter().map(|(name, _)| {
            let value = object.attributes.get(name).cloned();
            view! { <span class="cut">{value}</span> }.into_any()
        }));
        let has = |(name, _): &&(String, bool)| object.attributes.contains_key(name);
        let left = object.attributes.len() - shown.iter().filter(has).count();
        cells.push((left > 0).then(|| format!("+{left}")).into_any());
        Row::new(cells)
    });
    let rows = rows.collect();
    let named = shown.into_iter().map(|(name, are_numbers)| {
        let column = match are_numbers {
            true => Column::Number(""),
            false => Column::Text(""),
        };
        (column, name)
    });
    let columns = [(Column::Head("Object"), "Object".to_owned())]
        .into_iter()
        .chain(named)
        .chain([(Column::Actions("More"), "More attributes".to_owned())])
        .collect();
    view! {
        {table_of("Objects", columns, rows)}
        <Pager state next/>
    }
    .into_any()
}

/// One object, with the versions of its attributes.
#[component]
pub(crate) fn ObjectPage() -> impl IntoView {
    keyed(
        ["source", "copy", "object"],
        |[source, copy, object]| view! { <Object source copy object/> },
    )
}

#[component]
fn Object(source: String, copy: String, object: String) -> impl IntoView {
    let title = object.clone();
    let (name, source_path) = (source.clone(), api::source_path(&source));
    let objects = format!("{source_path}/objects/{}", encode(&copy));
    let rest = format!("/{}", encode(&object));
    let asked = StoredValue::new((source, copy, object));
    let versions = Live::every(Some(EVERY), move || {
        let (source, copy, object) = asked.get_value();
        api::object_versions(&source, &copy, &object)
    });
    let (source, copy, _) = asked.get_value();
    lead_on(versions.status, (source, copy), &rest);
    view! {
        {sub_heading(
            &[LIST, (&name, &source_path), ("Objects", &objects)],
            title,
            (),
            (),
        )}
        <Found status=versions.status what="object" list=LIST>{loaded(versions, show_object)}</Found>
    }
}

fn show_object(object: ObjectVersions) -> impl IntoView {
    let by = match object.changed_by {
        Some(client) => {
            let address = href(&format!("/devices/{}", encode(&client)));
            view! { "a device, " <a class="id" href=address>{client}</a> }.into_any()
        }
        None => "the back end".into_any(),
    };
    let present = object
        .attributes
        .into_iter()
        .map(|(name, VersionedValue { value, version })| {
            Row::new(vec![
                name.into_any(),
                view! { <span class="value">{value}</span> }.into_any(),
                text::count(version).into_any(),
            ])
        });
    let removed = object.removed.into_iter().map(|(name, version)| {
        Row::new(vec![
            view! { <s>{name}</s> }.into_any(),
            view! { <span class="faint">"removed"</span> }.into_any(),
            text::count(version).into_any(),
        ])
    });
    view! {
        <section>
            {facts(vec![
                ("Last change", view! { "version " {text::count(object.version)} }.into_any()),
                ("Made by", by),
            ])}
        </section>
        <section class="flush">
            {table("Attributes", ATTRIBUTE_COLUMNS, present.chain(removed).collect())}
        </section>
    }
}
