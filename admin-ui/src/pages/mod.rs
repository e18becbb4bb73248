//! The pages: each loads data and arranges it.

mod changes;
mod comparison;
mod devices;
mod jobs;
mod not_found;
mod objects;
mod overview;
mod pings;
mod preview;
mod settings;
mod sign_in;
mod sources;
mod statistics;
mod users;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

pub(crate) use changes::{ChangePage, ChangesPage};
pub(crate) use comparison::ComparisonPage;
pub(crate) use devices::{DevicePage, DevicesPage};
pub(crate) use jobs::{JobPage, JobsPage};
pub(crate) use not_found::NotFound;
pub(crate) use objects::{ObjectPage, ObjectsPage};
pub(crate) use overview::OverviewPage;
pub(crate) use pings::PingsPage;
pub(crate) use preview::PreviewPage;
pub(crate) use settings::SettingsPage;
pub(crate) use sign_in::{FirstStart, SignInForm, SignInPage, Unreachable};
pub(crate) use sources::{SourcePage, SourcesPage};
pub(crate) use statistics::StatisticsPage;
pub(crate) use users::{UserPage, UsersPage};

/// A parameter of the page's path. Where it changes, the page begins anew.
fn keyed<const N: usize, V: IntoView + 'static>(
    names: [&'static str; N],
    page: impl Fn([String; N]) -> V + Send + Sync + 'static,
) -> impl IntoView {
    let parameters = use_params_map();
    let values = Memo::new(move |_| {
        parameters.with(|parameters| names.map(|name| parameters.get(name).unwrap_or_default()))
    });
    move || page(values.get()).into_any()
}
