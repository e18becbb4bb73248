//! The world of the end-to-end tests: the finished components in the real host, with a Redis, a back end and devices
//! of the test's own.
//!
//! ```no_run
//! use integration_tests::{Deployment, Options, Source, converge};
//!
//! let deployment = Deployment::start(Options::default());
//! deployment.create_user("anna");
//! let mut phone = deployment.device("anna");
//! phone.replica_mut("Product").create([("name", "Lamp")]);
//! converge(&deployment, Source::PRODUCTS, &mut [&mut phone]);
//! ```

#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set up its world has failed, and the place says why"
)]

mod admin;
mod artifacts;
mod back_end;
mod converge;
mod deployment;
mod device;
mod host;
mod jobs;
mod manifest;
mod plugin;
mod redis_content;
mod rest;
mod transport;
mod wait;

pub use admin::Admin;
pub use artifacts::{component_dir, workspace};
pub use back_end::BackEnd;
pub use converge::{Source, converge};
pub use deployment::{ADMIN_PASSWORD, AnotherHost, Deployment, Options, password_of};
pub use device::Device;
pub use host::Host;
pub use jobs::JobQueue;
pub use plugin::Plugin;
pub use redis_content::RedisContent;
pub use rest::{Rest, json_of, text_of};
pub use transport::{Loss, LossyTransport};
pub use wait::until;
