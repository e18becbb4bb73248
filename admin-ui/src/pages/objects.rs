//! The objects of a copy of a source.

use std::time::Duration;

use leptos::prelude::*;
use sync_proto::api::{Listing, ObjectInfo, ObjectVersions, VersionedValue};

use crate::api::{self, encode};
use crate::components::{
    Choices, Column, Found, Messages, Pager, Row, SearchBox, When, choices, empty, facts, loaded,
    problem, sub_heading, table,
};
use crate::live::Live;
use crate::page::href;
use crate::pages::comparison::CompareWith;
use crate::pages::sources::{LIST, SHARED};
use crate::pages::{devices, keyed};
use crate::session::Session;
use crate::task::Task;
use crate::text;
use crate::url_state::UrlState;

const OBJECT_COLUMNS: &[Column] = &[
    Column::Head("Object"),
    Column::Text("Attributes"),
    Column::Actions("More attributes"),
];

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
    // In whose name the back end is asked. Only a device knows by which parameters a part was made.
    let asker = Memo::new(move |_| {
        let copy = copy.data.get()?;
        match copy.partition.as_str() {
            "app" => Some(user.get().unwrap_or_else(|| SHARED.to_owned())),
            partition if partition.starts_with("narrowed/") => None,
            _ => user.get(),
        }
    });
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
            <button type="button" on:click=refresh disabled=move || task.is_busy.get()>
                "Refresh now"
            </button>
        </When>
        {problem(task)}
    };
    let orders = choices(&OBJECT_ORDERS);
    view! {
        {sub_heading(LIST, title, whose, actions)}
        <Found status=copy.status what="copy" list=LIST>
            <div class="tools">
                <SearchBox state label="Search in ids and values"/>
                <Choices state name="sort" label="Order" options=orders.clone()/>
            </div>
            <section class="flush">
                {
                    let base = base.clone();
                    loaded(objects, move |objects| object_table(objects, state, &base))
                }
            </section>
        </Found>
    }
}

/// How many attributes of an object a list shows.
const SHOWN: usize = 6;

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
    let rows = items.into_iter().map(|object| {
        let address = href(&format!("{base}/{}", encode(&object.id)));
        let left = object.attributes.len().saturating_sub(SHOWN);
        let shown = object.attributes.into_iter().take(SHOWN).collect();
        Row::new(vec![
            view! { <a class="row id" href=address>{object.id}</a> }.into_any(),
            view! { <dl class="attributes line">{devices::attributes(shown)}</dl> }.into_any(),
            (left > 0).then(|| format!("+{left}")).into_any(),
        ])
    });
    view! {
        {table("Objects", OBJECT_COLUMNS, rows.collect())}
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
    let list = href(&format!(
        "/sources/{}/objects/{}",
        encode(&source),
        encode(&copy)
    ));
    let title = object.clone();
    let note = view! { "of " <a href=list>{source.clone()}</a> };
    let asked = StoredValue::new((source, copy, object));
    let versions = Live::every(Some(EVERY), move || {
        let (source, copy, object) = asked.get_value();
        api::object_versions(&source, &copy, &object)
    });
    view! {
        {sub_heading(LIST, title, note, ())}
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
