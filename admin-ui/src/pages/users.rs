//! Users: who may sign in on devices.

use leptos::prelude::*;
use sync_proto::api::{CopySummary, Listing, NewUserInfo, UserInfo, UserName, UserPatch};

use crate::api::{self, encode};
use crate::components::{
    BESIDE_FIELDS, Column, Confirm, Dialog, DialogForm, Edited, Field, Found, Messages, Pager,
    PasswordOf, Row, SearchBox, Sorting, When, against, ago, empty, facts, heading, loaded,
    problem, row_link, sorted_table, sub_heading,
};
use crate::live::Live;
use crate::page::{Page, href};
use crate::pages::{devices, keyed};
use crate::session::Session;
use crate::task::Task;
use crate::url_state::UrlState;

const COLUMNS: &[Column] = &[Column::Head("Name"), Column::Actions("Devices")];

const SORTINGS: &[Sorting] = &[Sorting {
    column: "Name",
    ascending: Some(""),
    descending: Some("-name"),
}];

/// Where one user belongs.
const LIST: (&str, &str) = ("Users", "/users");

/// The list of all users.
#[component]
pub(crate) fn UsersPage() -> impl IntoView {
    let state = UrlState::of(Page::Users.path());
    let session = Session::get();
    let users = Live::once(move || {
        let (q, sort, cursor) = (state.get("q"), state.get("sort"), state.cursor());
        api::users(&q, &sort, &cursor)
    });
    let adding = RwSignal::new(false);
    let add = view! {
        <When is=Signal::derive(move || session.may("users:write"))>
            <button type="button" class="main" on:click=move |_| adding.set(true)>
                "Add a user"
            </button>
        </When>
    };
    view! {
        {heading(Page::Users.title(), (), add)}
        <div class="tools">
            <SearchBox state label="Search by the beginning of a name"/>
        </div>
        <section class="flush">{loaded(users, move |users| list(users, state))}</section>
        <Dialog open=adding title="Add a user".to_owned()>
            <NewUser on_done=move || {
                adding.set(false);
                users.now();
            }/>
        </Dialog>
    }
}

fn list(Listing { items, next }: Listing<UserName>, state: UrlState) -> AnyView {
    if items.is_empty() {
        return if state.get("q").is_empty() {
            empty(
                "There are no users yet.",
                "Add one, or let your back end say who may sign in.",
            )
            .into_any()
        } else {
            empty(
                "Nobody is called that.",
                "Search for the beginning of a name.",
            )
            .into_any()
        };
    }
    let rows = items.into_iter().map(|UserName { login }| {
        let address = href(&format!("/users/{}", encode(&login)));
        let clients = href(&format!("/devices?user={}", encode(&login)));
        Row::new(vec![
            row_link(address, login),
            view! { <a href=clients>"Devices"</a> }.into_any(),
        ])
    });
    view! {
        {sorted_table("Users", COLUMNS, state, SORTINGS, rows.collect())}
        <Pager state next/>
    }
    .into_any()
}

#[component]
fn NewUser(on_done: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let messages = Messages::get();
    let [login, password, email] = [(); 3].map(|()| RwSignal::new(String::new()));
    let task = Task::new();
    let submit = move || {
        let user = NewUserInfo {
            login: login.get_untracked().trim().to_owned(),
            password: password.get_untracked(),
            email: Some(email.get_untracked()).filter(|email| !email.is_empty()),
            attributes: None,
        };
        task.run(api::create_user(&user), move |user| {
            messages.say(format!("{} may sign in now.", user.login));
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
            <Field
                label="Email address"
                value=email
                kind="email"
                hint=Some("Not needed.")
                error=against(task, "email")
            />
        </DialogForm>
    }
}

/// One user.
#[component]
pub(crate) fn UserPage() -> impl IntoView {
    keyed(["user"], |[login]| view! { <User login/> })
}

#[component]
fn User(login: String) -> impl IntoView {
    let session = Session::get();
    let name = StoredValue::new(login.clone());
    let user = Live::once(move || {
        let login = name.get_value();
        api::user(&login)
    });
    let state = UrlState::of(format!("/users/{}", encode(&login)));
    let copies = Live::once(move || {
        let (login, cursor) = (name.get_value(), state.cursor());
        api::user_copies(&login, &cursor)
    });
    let actions = view! {
        <When is=Signal::derive(move || session.may("users:write") && user.status.is_here())>
            <Actions user name/>
        </When>
    };
    view! {
        {sub_heading(&[LIST], login, (), actions)}
        <Found status=user.status what="user" list=LIST>
            <section>{loaded(user, user_facts)}</section>
            <section class="flush" aria-labelledby="user-devices">
                <h2 id="user-devices">"Devices"</h2>
                {devices::of_user(name.get_value())}
            </section>
            <section class="flush" aria-labelledby="user-copies">
                <h2 id="user-copies">"Copies of sources"</h2>
                {loaded(copies, move |copies| copy_list(copies, state, name))}
            </section>
        </Found>
    }
}

fn user_facts(user: UserInfo) -> impl IntoView {
    let email = user.email.unwrap_or_else(|| "none".to_owned());
    facts(vec![
        ("Email address", email.into_any()),
        ("Added", ago(Some(user.created_at))),
    ])
}

fn copy_list(
    Listing { items, next }: Listing<CopySummary>,
    state: UrlState,
    user: StoredValue<String>,
) -> AnyView {
    if items.is_empty() {
        return empty(
            "They have no copy of their own.",
            "One is made with the first sync of a source that is kept for each user.",
        )
        .into_any();
    }
    view! {
        {super::sources::copy_table(items, Some(user.get_value()))}
        <Pager state next/>
    }
    .into_any()
}

#[component]
fn Actions(user: Live<UserInfo>, name: StoredValue<String>) -> impl IntoView {
    let messages = Messages::get();
    let editing = RwSignal::new(false);
    let task = Task::new();
    let navigate = StoredValue::new(leptos_router::hooks::use_navigate());
    let remove = move |open: RwSignal<bool>| {
        let login = name.get_value();
        task.run(api::delete_user(&login), move |()| {
            open.set(false);
            messages.say(format!("{} is deleted.", name.get_value()));
            navigate.with_value(|go| go(Page::Users.path(), Default::default()));
        });
    };
    let title = format!("Delete {}?", name.get_value());
    view! {
        <button type="button" on:click=move |_| editing.set(true)>
            "Edit…"
        </button>
        <Confirm
            label="Delete…"
            title
            text="Their devices, copies and changes that wait are deleted too. That cannot be undone.".to_owned()
            task
            on_confirm=remove
        />
        {problem(task)}
        <Dialog open=editing title="Edit the user".to_owned()>
            <EditUser user name on_done=move || editing.set(false)/>
        </Dialog>
    }
}

#[component]
fn EditUser(
    user: Live<UserInfo>,
    name: StoredValue<String>,
    on_done: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let messages = Messages::get();
    let known = user
        .data
        .with_untracked(|user| user.and_then(|user| user.email.clone()));
    let known = RwSignal::new(known.unwrap_or_default());
    let email = RwSignal::new(known.get_untracked());
    let edited = Edited::new(api::user_path(&name.get_value()));
    let password = RwSignal::new(String::new());
    let task = Task::new();
    let submit = move || {
        let (login, entered) = (name.get_value(), email.get_untracked());
        let change = UserPatch {
            password: Some(password.get_untracked()).filter(|password| !password.is_empty()),
            email: (entered != known.get_untracked()).then_some(entered),
            attributes: None,
        };
        task.run(api::update_user(&login, &change, edited.tag()), move |_| {
            messages.say("The user is changed.");
            user.now();
            on_done();
        });
    };
    let seen = known.get_untracked();
    let load = Callback::new(move |()| {
        let login = name.get_value();
        task.run(api::user(&login), move |found| {
            edited.renew();
            known.set(found.email.unwrap_or_default());
        });
    });
    let wrong = against(task, "email");
    let wrong_email = Signal::derive(move || {
        let is_another = known.get() != seen && known.get() != email.get();
        let told = is_another.then(|| format!("Somebody has set it to {:?}.", known.get()));
        wrong.get().or(told)
    });
    view! {
        <DialogForm task submit="Save" on_submit=submit beside_fields=BESIDE_FIELDS on_newer=load>
            <PasswordOf name=name.get_value()/>
            <Field label="Email address" value=email kind="email" error=wrong_email/>
            <Field
                label="New password"
                value=password
                kind="password"
                autocomplete="new-password"
                hint=Some("Empty: the password stays. A new one ends all sessions of the user.")
                error=against(task, "password")
            />
        </DialogForm>
    }
}
