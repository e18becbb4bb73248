//! What tests ask: the switches below `/_control`.

use axum::extract::{Path, State as Extracted};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Shared;
use super::state::{Answer, Call, Login, Objects, Push, PushRefusal};

type Place = Path<(String, String)>;

pub(super) fn routes() -> Router<Shared> {
    let of_place = Router::new()
        .route("/", delete(forget))
        .route("/objects", put(set_objects).get(objects))
        .route("/found", put(set_found))
        .route("/metadata", put(set_metadata))
        .route("/schema", put(set_schema))
        .route("/answers", post(add_answer))
        .route("/calls", get(calls).delete(forget_calls));
    let control = Router::new()
        .nest("/places/{resource}/{partition}", of_place)
        .route("/keys", put(set_keys).delete(forget_keys))
        .route("/pushes", get(pushes))
        .route("/push-refusals", post(add_push_refusal))
        .route("/logins/{login}", put(set_login))
        .route("/logins", get(logins).delete(forget_logins));
    Router::new().nest("/_control", control)
}

async fn forget(Path((resource, partition)): Place, Extracted(shared): Extracted<Shared>) {
    shared.state().forget(&resource, &partition);
}

async fn set_objects(
    Path((resource, partition)): Place,
    Extracted(shared): Extracted<Shared>,
    Json(objects): Json<Objects>,
) {
    shared.state().place(&resource, &partition).objects = objects;
}

async fn objects(
    Path((resource, partition)): Place,
    Extracted(shared): Extracted<Shared>,
) -> Json<Value> {
    Json(json!(shared.state().place(&resource, &partition).objects))
}

async fn set_found(
    Path((resource, partition)): Place,
    Extracted(shared): Extracted<Shared>,
    Json(found): Json<Objects>,
) {
    shared.state().place(&resource, &partition).found = Some(found);
}

async fn set_metadata(
    Path((resource, partition)): Place,
    Extracted(shared): Extracted<Shared>,
    metadata: String,
) {
    shared.state().place(&resource, &partition).metadata = metadata;
}

async fn set_schema(
    Path((resource, partition)): Place,
    Extracted(shared): Extracted<Shared>,
    schema: String,
) {
    shared.state().place(&resource, &partition).schema = schema;
}

async fn add_answer(
    Path((resource, partition)): Place,
    Extracted(shared): Extracted<Shared>,
    Json(answer): Json<Answer>,
) {
    let mut state = shared.state();
    let place = state.place(&resource, &partition);
    place.answers.push_back(answer);
}

async fn calls(
    Path((resource, partition)): Place,
    Extracted(shared): Extracted<Shared>,
) -> Json<Vec<Call>> {
    let mut state = shared.state();
    let calls = &state.place(&resource, &partition).calls;
    Json(calls.iter().cloned().collect())
}

async fn forget_calls(Path((resource, partition)): Place, Extracted(shared): Extracted<Shared>) {
    shared.state().place(&resource, &partition).calls.clear();
}

async fn set_keys(Extracted(shared): Extracted<Shared>, Json(keys): Json<Value>) {
    shared.state().key_set = Some(keys);
}

async fn forget_keys(Extracted(shared): Extracted<Shared>) {
    shared.state().key_set = None;
}

async fn pushes(Extracted(shared): Extracted<Shared>) -> Json<Vec<Push>> {
    Json(shared.state().pushes.clone())
}

async fn add_push_refusal(Extracted(shared): Extracted<Shared>, Json(refusal): Json<PushRefusal>) {
    shared.state().push_refusals.push_back(refusal);
}

async fn set_login(
    Path(name): Path<String>,
    Extracted(shared): Extracted<Shared>,
    Json(login): Json<Login>,
) {
    shared.state().logins.insert(name, login);
}

async fn logins(Extracted(shared): Extracted<Shared>) -> Json<Vec<Call>> {
    Json(shared.state().login_calls.clone())
}

async fn forget_logins(Extracted(shared): Extracted<Shared>) {
    let mut state = shared.state();
    state.logins.clear();
    state.login_calls.clear();
}
