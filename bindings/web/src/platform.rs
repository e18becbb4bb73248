//! The browser's clock and randomness.

use js_sys::Date;
use sync_client::Platform;
use wasm_bindgen::JsCast as _;
use web_sys::WorkerGlobalScope;

/// What a worker has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Browser;

impl Platform for Browser {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole milliseconds since 1970"
    )]
    fn now_ms(&self) -> u64 {
        Date::now() as u64
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since the worker began"
    )]
    fn elapsed_ms(&self) -> u64 {
        let worker = js_sys::global().dyn_into::<WorkerGlobalScope>().ok();
        let clock = worker.and_then(|worker| worker.performance());
        clock.map_or_else(|| self.now_ms(), |clock| clock.now() as u64)
    }

    fn random(&self, length: u32) -> Vec<u8> {
        let mut bytes = vec![0; length as usize];
        let filled = js_sys::global()
            .dyn_into::<WorkerGlobalScope>()
            .ok()
            .and_then(|worker| worker.crypto().ok())
            .is_some_and(|crypto| crypto.get_random_values_with_u8_array(&mut bytes).is_ok());
        if !filled {
            // Ids would not be unique. No browser that has workers is without.
            std::process::abort();
        }
        bytes
    }
}
