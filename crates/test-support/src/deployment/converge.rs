//! The one thing that must be true in the end: every device has what the back end has.

use http::StatusCode;
use sync_client::rhoconnect::{ClientError, Objects};

use crate::deployment::Deployment;
use crate::deployment::device::Device;
use crate::wait::until_or;

/// A source that is read from the back end.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Its name to devices.
    pub name: &'static str,
    /// Its path in the back end.
    pub path: &'static str,
}

impl Source {
    /// What everybody shares.
    pub const PRODUCTS: Self = Self {
        name: "Product",
        path: "products",
    };
    /// What every user has a copy of.
    pub const CUSTOMERS: Self = Self {
        name: "Customer",
        path: "customers",
    };
}

/// Syncs devices until nothing they did is waiting and each has, attribute by attribute, what the back end has.
///
/// # Panics
///
/// When that does not come about; the text says what differs. And when the server answers anything but a page or that
/// it cannot work at the moment.
pub fn converge(deployment: &Deployment, source: Source, devices: &mut [&mut Device]) {
    until_or("all devices to have what the back end has", || {
        let mut missing = Vec::new();
        for device in &mut *devices {
            if let Err(error) = device.sync(source.name) {
                assert!(may_pass(&error), "{error}");
                missing.push(error.to_string());
            }
        }
        let truth = deployment.back_end().objects(source.path);
        for (number, device) in devices.iter().enumerate() {
            if device.is_waiting(source.name) {
                missing.push(format!("device {number} has unconfirmed changes"));
            }
            let seen = device.objects(source.name);
            missing.extend(differences(&truth, &seen).map(|it| format!("device {number}, {it}")));
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing.join("\n"))
        }
    });
}

/// Whether an error is one that devices have to live with: they try again.
fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { status, .. } => *status == StatusCode::SERVICE_UNAVAILABLE,
        other => other.is_offline(),
    }
}

/// Names the objects that are not the same, with what they should be and are.
fn differences<'a>(truth: &'a Objects, seen: &'a Objects) -> impl Iterator<Item = String> {
    let ids: std::collections::BTreeSet<&String> = truth.keys().chain(seen.keys()).collect();
    ids.into_iter()
        .map(|id| (id, truth.get(id), seen.get(id)))
        .filter(|(_, truth, seen)| truth != seen)
        .map(|(id, truth, seen)| {
            format!("object {id}: the back end has {truth:?}, the device {seen:?}")
        })
}
