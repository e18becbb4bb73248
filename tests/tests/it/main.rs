//! The finished components in the real host, each test with a deployment of its own. Tests of calls are where their URLs
//! say; the others are about what takes many calls.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that does not find what it looks for has failed, and the place says why"
)]

mod adapters;
mod api {
    mod application;
    mod v1 {
        mod every_call;
        mod first_start;
        mod jobs;
        mod pings;
        mod tokens;
        mod users;
    }
}
mod app {
    mod v1 {
        mod files;
        mod pull;
        mod push;
    }
}
mod bad_input;
mod bindings;
mod browser;
mod console;
mod convergence;
mod device_library;
mod documents;
mod faults;
mod fuzz;
mod job_faults;
mod live;
mod memory;
mod metrics;
mod network_faults;
mod plugin;
mod plugin_component;
mod rc {
    mod v1 {
        mod app {
            mod bulk_data;
            mod login;
            mod search;
        }
    }
}
mod rhosync;
mod several_partitions;
mod sql;
mod story;
mod subscriptions;
mod template;
mod tutorial;
mod web_library;
