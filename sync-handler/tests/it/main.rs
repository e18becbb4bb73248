//! What the handler answers, on the engine of a test. Tests of calls are where their URLs say.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

mod api {
    mod v1 {
        mod administrators;
        mod audit;
        mod changes;
        mod clients;
        mod jobs;
        mod objects;
        mod overview;
        mod scopes;
        mod session;
        mod settings;
        mod sorting;
        mod sources;
        mod statistics;
    }
}
mod app {
    mod v1 {
        mod changes;
        mod files;
    }
}
mod console;
mod every_call;
mod metrics;
mod rc {
    mod v1 {
        mod system {
            mod stats;
        }
    }
}
mod server;
