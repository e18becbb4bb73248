//! Signing in, and what comes before it.

use std::time::Duration;

use leptos::prelude::*;
use sync_proto::api::PasswordChange;

use crate::api;
use crate::backoff::wait_after;
use crate::components::{BESIDE_FIELDS, DialogForm, Field, PasswordOf, against};
use crate::error::ApiError;
use crate::session::Session;
use crate::task::Task;
use crate::text;

/// How soon the server is asked again that did not say who is signed in, the first time.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The page of whoever is not signed in.
#[component]
pub(crate) fn SignInPage() -> impl IntoView {
    document().set_title("Sign in – RhoSync");
    view! {
        <main class="gate" id="main">
            <Brand/>
            <h1>"Sign in"</h1>
            <SignInForm/>
            <p class="quiet">
                "The first administrator is " <code>"rhoadmin"</code>
                ". If no password was configured, the server made one when it was first started, and printed it in its log."
            </p>
        </main>
    }
}

#[component]
pub(crate) fn SignInForm() -> impl IntoView {
    let session = Session::get();
    let known = session.info().map_or_else(String::new, |info| info.name);
    let is_known = !known.is_empty();
    let login = RwSignal::new(known);
    let password = RwSignal::new(String::new());
    let task = Task::new();
    let wrong = Signal::derive(move || match task.error.get() {
        Some(ApiError::Refused { code, message, .. }) => match code.as_str() {
            "login_failed" => Some(message),
            "too_large" => Some("No name and no password is that long.".to_owned()),
            _ => None,
        },
        _ => None,
    });
    let submit = move || {
        let (login, secret) = (login.get_untracked(), password.get_untracked());
        task.work(async move {
            session.sign_in(&login, &secret).await?;
            // The form is gone, where it was a page.
            password.try_set(String::new());
            Ok(())
        });
    };
    view! {
        <DialogForm task submit="Sign in" on_submit=submit beside_fields=&["login_failed", "too_large"]>
            <Field label="Name" value=login required=true autofocus=!is_known autocomplete="username"/>
            <Field
                label="Password"
                value=password
                kind="password"
                error=wrong
                required=true
                autofocus=is_known
                autocomplete="current-password"
            />
        </DialogForm>
    }
}

/// Asks for a password of one's own where the first start made one.
#[component]
pub(crate) fn FirstStart() -> impl IntoView {
    document().set_title("Choose a password – RhoSync");
    let session = Session::get();
    view! {
        <main class="gate" id="main">
            <Brand/>
            <h1>"Choose a password"</h1>
            <p class="quiet">
                "The current one was made by the server, and stands in its log. Choose one that only you know."
            </p>
            <PasswordForm on_done=move || session.ask()/>
        </main>
    }
}

/// Changes one's own password.
#[component]
pub(crate) fn PasswordForm(on_done: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let name = Session::get().info().map(|info| info.name);
    let [current, new, again] = [(); 3].map(|()| RwSignal::new(String::new()));
    let task = Task::new();
    let differs = Signal::derive(move || {
        let (new, again) = (new.get(), again.get());
        (!again.is_empty() && new != again).then(|| "The two are not the same.".to_owned())
    });
    let submit = move || {
        if differs.get_untracked().is_some() {
            return;
        }
        let change = PasswordChange {
            current: current.get_untracked(),
            new: new.get_untracked(),
        };
        let work = api::change_password(&change);
        task.run(work, move |()| {
            for value in [current, new, again] {
                value.set(String::new());
            }
            on_done();
        });
    };
    view! {
        <DialogForm
            task
            submit="Change the password"
            on_submit=submit
            beside_fields=BESIDE_FIELDS
        >
            <PasswordOf name=name.unwrap_or_default()/>
            <Field
                label="Current password"
                value=current
                kind="password"
                error=against(task, "current")
                required=true
                autofocus=true
                autocomplete="current-password"
            />
            <Field
                label="New password"
                value=new
                kind="password"
                error=against(task, "password")
                required=true
                autocomplete="new-password"
            />
            <Field
                label="New password again"
                value=again
                kind="password"
                error=differs
                required=true
                autocomplete="new-password"
            />
        </DialogForm>
    }
}

/// What is shown while the server does not say who is signed in. It is asked again and again, ever less often.
#[component]
pub(crate) fn Unreachable(#[prop(into)] reason: Signal<String>) -> impl IntoView {
    document().set_title("No answer – RhoSync");
    let session = Session::get();
    let failures = StoredValue::new(0_u32);
    // Nothing while the server is being asked.
    let seconds = RwSignal::new(None::<u64>);
    let ask = move || {
        seconds.set(None);
        session.ask();
    };
    Effect::new(move |_| {
        // Each attempt that has failed.
        reason.track();
        let count = failures.get_value();
        failures.set_value(count.saturating_add(1));
        seconds.set(Some(wait_after(count, AGAIN_AFTER, 0).as_secs()));
    });
    let tick = move || {
        if document().hidden() {
            return;
        }
        match seconds.get_untracked() {
            None => {}
            Some(0 | 1) => ask(),
            Some(left) => seconds.set(Some(left - 1)),
        }
    };
    if let Ok(handle) = set_interval_with_handle(tick, Duration::from_secs(1)) {
        on_cleanup(move || handle.clear());
    }
    let next = move || text::next_attempt(seconds.get());
    view! {
        <main class="gate" id="main">
            <Brand/>
            <h1>"The server cannot be asked"</h1>
            <p role="alert">{reason}</p>
            <p class="quiet">{next} " The server's log says more; "<code>"/ready"</code>" says what it lacks."</p>
            <div class="actions">
                <button type="button" class="main" on:click=move |_| ask()>
                    "Try now"
                </button>
            </div>
        </main>
    }
}

#[component]
fn Brand() -> impl IntoView {
    view! {
        <p class="brand">
            <i aria-hidden="true"></i>
            "RhoSync"
        </p>
    }
}
