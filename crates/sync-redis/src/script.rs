//! Lua scripts: what has to happen at once.

use std::sync::OnceLock;

use sha1::{Digest as _, Sha1};

use crate::{RedisConn, RedisError, Reply, StoreError, hex};

/// Arguments up to this length are kept until the server has said that it knows the script. Beside longer ones the
/// script's text counts for nothing: it goes with them.
const MAX_REPEATED_BYTES: usize = 64 * 1024;

/// A script, called by its digest so that its text travels once per server.
pub struct Script {
    name: &'static str,
    /// What another file defines for it, and its own. They stand apart, so that a program with many scripts has what they
    /// share once.
    parts: [&'static str; 2],
    sha: OnceLock<String>,
}

/// A script that lies in the folder `scripts` beside the file: `script!("name")`, or
/// `script!("name" after "library")` where what another file defines stands before it. The program has the files' code
/// without their comments.
#[macro_export]
macro_rules! script {
    ($name:literal) => {
        $crate::Script::new($name, $crate::script!(@code $name))
    };
    ($name:literal after $library:literal) => {
        $crate::Script::after(
            $crate::script!(@code $library),
            $name,
            $crate::script!(@code $name),
        )
    };
    (@code $name:literal) => {{
        const FILE: &str = include_str!(concat!("scripts/", $name, ".lua"));
        const LENGTH: usize = $crate::lua_code::<0>(FILE).1;
        const CODE: [u8; LENGTH] = $crate::lua_code::<LENGTH>(FILE).0;
        match ::core::str::from_utf8(&CODE) {
            Ok(code) => code,
            Err(_) => panic!("the script is no text without its comments"),
        }
    }};
}

impl Script {
    /// A script of this name, which errors say, and with this text.
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self::after("", name, source)
    }

    /// A script of this name, before whose text that of a library stands.
    pub const fn after(library: &'static str, name: &'static str, source: &'static str) -> Self {
        Self {
            name,
            parts: [library, source],
            sha: OnceLock::new(),
        }
    }

    /// Runs the script and gives its answer's first value, which names the outcome, and the rest.
    ///
    /// # Errors
    /// What the port says, and what the script itself raises.
    pub async fn run<R: RedisConn>(
        &self,
        redis: &R,
        keys: &[String],
        args: Vec<Vec<u8>>,
    ) -> Result<Reply, StoreError> {
        let sha = self.sha.get_or_init(|| {
            let [library, source] = self.parts;
            hex(&Sha1::new()
                .chain_update(library)
                .chain_update(source)
                .finalize())
        });
        let command = |verb: &str, script: &str, args: Vec<Vec<u8>>| {
            let mut command = Vec::with_capacity(3 + keys.len() + args.len());
            command.push(verb.as_bytes().to_vec());
            command.push(script.as_bytes().to_vec());
            command.push(keys.len().to_string().into_bytes());
            command.extend(keys.iter().map(|key| key.as_bytes().to_vec()));
            command.extend(args);
            command
        };
        if args.iter().map(Vec::len).sum::<usize>() > MAX_REPEATED_BYTES {
            let values = redis
                .run(command("EVAL", &self.parts.concat(), args))
                .await?;
            return Ok(Reply::new(self.name, values));
        }
        let values = match redis.run(command("EVALSHA", sha, args.clone())).await {
            // Redis says `NOSCRIPT`, client libraries `NoScript`.
            Err(RedisError::Refused(reason))
                if reason.to_ascii_uppercase().contains("NOSCRIPT") =>
            {
                redis
                    .run(command("EVAL", &self.parts.concat(), args))
                    .await?
            }
            other => other?,
        };
        Ok(Reply::new(self.name, values))
    }
}
