//! The shop over real HTTP, in this process and as a process of its own.

#![cfg(test)]

mod control;
mod dialects;
mod idempotency;
mod program;
mod rest;
mod world;
