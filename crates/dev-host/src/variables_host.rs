//! `spin:variables`: lets a component read its own variables.

use wasmtime::component::Accessor;

use crate::bindings::variables::{Error, Host, HostWithStore};
use crate::state::{Platform, PlatformView};
use crate::variables::check_name;

impl<T: Send> HostWithStore<T> for Platform {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        if let Err(error) = check_name(&name) {
            return Ok(Err(Error::InvalidName(error.to_string())));
        }
        let component = accessor.with(|mut access| access.get().component.clone());
        let value = component.variables.get(&name).cloned();
        Ok(value.ok_or_else(|| {
            Error::Undefined(format!("no variable for {:?}.{name:?}", component.id))
        }))
    }
}

impl Host for PlatformView<'_> {}
