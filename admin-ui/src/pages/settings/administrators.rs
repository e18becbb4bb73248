//! Administrators, and what each may do.

use leptos::prelude::*;
use sync_proto::api::{AdministratorInfo, AdministratorPatch, Listing, NewAdministrator, Role};

use crate::api;
use crate::components::{
    BESIDE_FIELDS, Column, Confirm, Dialog, DialogForm, Edited, Field, Messages, PasswordOf, Row,
    Select, against, ago, empty, loaded, problem, table,
};
use crate::live::Live;
use crate::task::Task;
use crate::text;

const COLUMNS: &[Column] = &[
    Column::Head("Name"),
    Column::Text("Role"),
    Column::Number("Added"),
    Column::Number("Last here"),
    Column::Actions("Actions"),
];

const ROLES: [(Role, &str); 3] = [
    (Role::Viewer, "Viewer: sees everything but secrets"),
    (
        Role::Operator,
        "Operator: also changes devices, users, sources, objects and jobs",
    ),
    (Role::Administrator, "Administrator: everything"),
];

fn role_choices() -> Vec<(String, String)> {
    ROLES
        .map(|(role, title)| (text::role(role).to_owned(), title.to_owned()))
        .to_vec()
}

fn role_named(name: &str) -> Role {
    let found = ROLES
        .into_iter()
        .find(|(role, _)| text::role(*role) == name);
    found.map_or(Role::Viewer, |(role, _)| role)
}

#[component]
pub(super) fn Administrators() -> impl IntoView {
    let administrators = Live::once(api::administrators);
    let adding = RwSignal::new(false);
    view! {
        <section class="flush">
            <div class="section-head">
                <h2>"Administrators"</h2>
                <button type="button" class="main" on:click=move |_| adding.set(true)>
                    "Add an administrator"
                </button>
            </div>
            {loaded(administrators, move |listing| show(listing.items, administrators))}
        </section>
        <Dialog open=adding title="Add an administrator".to_owned()>
            <Add on_done=move || {
                adding.set(false);
                administrators.now();
            }/>
        </Dialog>
    }
}

fn show(
    items: Vec<AdministratorInfo>,
    administrators: Live<Listing<AdministratorInfo>>,
) -> AnyView {
    if items.is_empty() {
        return empty("There are no administrators.", "That should not be.").into_any();
    }
    let rows = items.into_iter().map(|administrator| {
        Row::new(vec![
            administrator.login.clone().into_any(),
            text::role(administrator.role).into_any(),
            ago(Some(administrator.created_at)),
            ago(administrator.seen_at),
            view! { <Actions administrator=administrator.clone() administrators/> }.into_any(),
        ])
    });
    table("Administrators", COLUMNS, rows.collect())
}

#[component]
fn Actions(
    administrator: AdministratorInfo,
    administrators: Live<Listing<AdministratorInfo>>,
) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let editing = RwSignal::new(false);
    let title = format!("Remove {}?", administrator.login);
    let edit_title = format!("Edit {}", administrator.login);
    let login = StoredValue::new(administrator.login);
    let role = administrator.role;
    let remove = move |open: RwSignal<bool>| {
        task.run(api::delete_administrator(&login.get_value()), move |()| {
            open.set(false);
            messages.say("The administrator is removed.");
            administrators.now();
        });
    };
    view! {
        <span class="actions tight">
            <button type="button" on:click=move |_| editing.set(true)>
                "Edit…"
            </button>
            <Confirm
                label="Remove…"
                title
                text="Their sessions end. What they did stays in the audit log.".to_owned()
                task
                on_confirm=remove
            />
        </span>
        {problem(task)}
        <Dialog open=editing title=edit_title>
            <Edit login role on_done=move || {
                editing.set(false);
                administrators.now();
            }/>
        </Dialog>
    }
}

#[component]
fn Add(on_done: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let [login, password] = [(); 2].map(|()| RwSignal::new(String::new()));
    let role = RwSignal::new(text::role(Role::Viewer).to_owned());
    let submit = move || {
        let new = NewAdministrator {
            login: login.get_untracked().trim().to_owned(),
            password: password.get_untracked(),
            role: role_named(&role.get_untracked()),
        };
        task.run(api::add_administrator(&new), move |added| {
            messages.say(format!("{} may sign in here now.", added.login));
            on_done();
        });
    };
    view! {
        <DialogForm task submit="Add" on_submit=submit beside_fields=BESIDE_FIELDS>
            <Field label="Name" value=login required=true error=against(task, "login")/>
            <Field
                label="Password"
                value=password
                kind="password"
                required=true
                autocomplete="new-password"
                error=against(task, "password")
            />
            <Select label="Role" value=role options=role_choices()/>
        </DialogForm>
    }
}

#[component]
fn Edit(
    login: StoredValue<String>,
    role: Role,
    on_done: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let messages = Messages::get();
    let task = Task::new();
    let password = RwSignal::new(String::new());
    let chosen = RwSignal::new(text::role(role).to_owned());
    let edited = Edited::new(api::administrator_path(&login.get_value()));
    let newer = RwSignal::new(role);
    let load = Callback::new(move |()| {
        task.run(api::administrator(&login.get_value()), move |found| {
            edited.renew();
            newer.set(found.role);
        });
    });
    // The list does not say in which state each is.
    load.run(());
    let told = move || {
        let newer = newer.get();
        (newer != role).then(|| format!("Somebody has made the role {}.", text::role(newer)))
    };
    let submit = move || {
        let wanted = role_named(&chosen.get_untracked());
        let role = newer.get_untracked();
        let change = AdministratorPatch {
            password: Some(password.get_untracked()).filter(|password| !password.is_empty()),
            role: (wanted != role).then_some(wanted),
        };
        task.run(
            api::change_administrator(&login.get_value(), &change, edited.tag()),
            move |_| {
                messages.say("The administrator is changed.");
                on_done();
            },
        );
    };
    view! {
        <DialogForm task submit="Save" on_submit=submit beside_fields=BESIDE_FIELDS on_newer=load>
            <PasswordOf name=login.get_value()/>
            <Select label="Role" value=chosen options=role_choices()/>
            <p class="quiet">{told}</p>
            <Field
                label="New password"
                value=password
                kind="password"
                autocomplete="new-password"
                hint=Some("Empty: the password stays. A new one ends their sessions.")
                error=against(task, "password")
            />
        </DialogForm>
    }
}
