//! The arguments of commands and scripts.

/// Builds a command or a script's arguments from texts, numbers and bytes.
#[macro_export]
macro_rules! args {
    ($($arg:expr),* $(,)?) => {
        vec![$($crate::arg($arg)),*]
    };
}

/// One argument as Redis gets it.
pub fn arg(value: impl Arg) -> Vec<u8> {
    value.into_bytes()
}

/// What can be an argument.
pub trait Arg {
    /// The argument as Redis gets it.
    fn into_bytes(self) -> Vec<u8>;
}

impl Arg for &str {
    fn into_bytes(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Arg for &String {
    fn into_bytes(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl Arg for String {
    fn into_bytes(self) -> Vec<u8> {
        Self::into_bytes(self)
    }
}

impl Arg for Vec<u8> {
    fn into_bytes(self) -> Vec<u8> {
        self
    }
}

impl Arg for u64 {
    fn into_bytes(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl Arg for usize {
    fn into_bytes(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}
