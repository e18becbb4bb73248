//! Addresses of databases, which have passwords in them.

use percent_encoding::percent_decode_str;

/// Hides the password of an address in a text that may have it, as it is written in the address or decoded: what a host or a driver
/// says of a connection.
pub fn hide_password(address: &str, text: &str) -> String {
    let password = address
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'))
        .and_then(|(credentials, _)| credentials.split_once(':'))
        .map(|(_, password)| password)
        .filter(|password| !password.is_empty());
    let Some(password) = password else {
        return text.to_owned();
    };
    let decoded = percent_decode_str(password).decode_utf8_lossy();
    text.replace(password, "***").replace(&*decoded, "***")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_has_the_password() {
        let address = "mysql://u:a%2Fb@db.test/shop?sslmode=require";
        for (text, hidden) in [
            (address, "mysql://u:***@db.test/shop?sslmode=require"),
            ("refused: a/b", "refused: ***"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(hide_password(address, text), hidden);
        }
        for address in ["mysql://db.test/shop", "mysql://u:@db.test/shop"] {
            assert_eq!(hide_password(address, address), address);
        }
    }
}
