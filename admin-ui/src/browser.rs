//! What the browser does for the console.

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use leptos::wasm_bindgen::JsValue;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlElement, Url};

/// Lets the browser save a text as a file.
pub(crate) fn save(name: &str, media_type: &str, text: &str) {
    if let Err(error) = try_save(name, media_type, text) {
        leptos::logging::error!("{name} cannot be saved: {error:?}");
    }
}

fn try_save(name: &str, media_type: &str, text: &str) -> Result<(), JsValue> {
    let parts = js_sys::Array::of1(&text.into());
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    Url::revoke_object_url(&url)
}

/// Goes on with the keyboard at the beginning of the page.
pub(crate) fn focus_on_main() {
    if let Some(main) = document().get_element_by_id("main") {
        // It fails only where the element is no longer in the page.
        let _ = main.unchecked_into::<HtmlElement>().focus();
    }
}

/// The same, if what had the keyboard goes away in this moment.
pub(crate) fn focus_on_main_if_lost() {
    request_animation_frame(|| {
        let focused = document().active_element();
        if focused.is_none_or(|it| it.tag_name() == "BODY") {
            focus_on_main();
        }
    });
}

/// Puts a text on the clipboard.
pub(crate) async fn copy(text: &str) -> Result<(), JsValue> {
    let clipboard = window().navigator().clipboard();
    // Browsers have none on pages that come by plain HTTP from elsewhere.
    if AsRef::<JsValue>::as_ref(&clipboard).is_undefined() {
        return Err(JsValue::UNDEFINED);
    }
    wasm_bindgen_futures::JsFuture::from(clipboard.write_text(text))
        .await
        .map(drop)
}

/// A text that no other request has. Not a secret: `crypto` makes better ones, but on some pages it is not there.
pub(crate) fn random() -> String {
    let half = || digits(js_sys::Math::random());
    format!("{}-{}", half(), half())
}

/// A number with all its digits.
pub(crate) fn digits(number: f64) -> String {
    js_sys::JSON::stringify(&number.into()).map_or_else(|_| String::new(), String::from)
}

/// A text in upper case, as [`lower_case`].
pub(crate) fn upper_case(text: &str) -> String {
    String::from(js_sys::JsString::from(text).to_upper_case())
}

/// A text in lower case. The browser knows all letters; the program would have to bring tables of them.
pub(crate) fn lower_case(text: &str) -> String {
    String::from(js_sys::JsString::from(text).to_lower_case())
}
