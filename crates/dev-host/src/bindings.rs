//! The Rust side of `wit/`: Spin's interfaces, generated.

mod platform {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "dev-host:host/platform",
        imports: { default: trappable },
        with: {
            "spin:mysql/mysql.connection": crate::mysql_host::Connection,
            "spin:postgres/postgres.connection": crate::postgres_host::Connection,
            "spin:postgres/postgres.connection-builder": crate::postgres_host::Builder,
            "spin:redis/redis.connection": crate::redis_host::Connection,
        },
    });
}

mod redis_trigger {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "dev-host:host/redis-trigger",
        exports: { default: async | store },
        with: {
            "spin:redis/redis": super::platform::spin::redis::redis,
        },
    });
}

pub(crate) use platform::spin::{
    mysql::mysql, postgres::postgres, redis::redis, variables::variables,
};
pub(crate) use redis_trigger::RedisTriggerPre;
