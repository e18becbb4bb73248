//! The code of a Lua script without what only its readers need.

/// A script without the lines that are comments, and without the blanks that lines begin with: its first `LENGTH` bytes, and
/// how many it has. The lines stay, empty, so that the numbers in Redis's errors are those of the file.
///
/// It runs while the program is compiled, and refuses scripts in which a line need not be what it looks like: those with texts
/// or comments of several lines.
#[doc(hidden)]
#[expect(
    clippy::indexing_slicing,
    reason = "while a program is compiled there is no other way, and an index that is wrong does not compile"
)]
pub const fn lua_code<const LENGTH: usize>(script: &str) -> ([u8; LENGTH], usize) {
    let script = script.as_bytes();
    let (mut code, mut length) = ([0; LENGTH], 0);
    let (mut begins_line, mut is_comment) = (true, false);
    let mut at = 0;
    while at < script.len() {
        let byte = script[at];
        let next = if at + 1 < script.len() {
            script[at + 1]
        } else {
            b'\n'
        };
        assert!(
            !(byte == b'[' && (next == b'[' || next == b'=')) && !(byte == b'\\' && next == b'\n'),
            "a script has no texts or comments of several lines"
        );
        if begins_line {
            is_comment = byte == b'-' && next == b'-';
            begins_line = byte == b' ' || byte == b'\n';
        } else {
            begins_line = byte == b'\n';
        }
        let is_indent = begins_line && byte == b' ';
        if byte == b'\n' || !is_comment && !is_indent {
            if length < LENGTH {
                code[length] = byte;
            }
            length += 1;
        }
        at += 1;
    }
    (code, length)
}

#[cfg(test)]
mod tests {
    use super::lua_code;

    /// What is left of a script, which is not longer than it.
    fn code(script: &str) -> String {
        let (code, length) = lua_code::<200>(script);
        String::from_utf8(code[..length].to_vec()).unwrap()
    }

    #[test]
    fn lines_that_are_comments_and_indents_go_and_all_else_stays() {
        let script = "-- Why.\n\nlocal a = '--'  -- here\n  if a then\n    -- Not this.\n    return a - -1\n  end";
        let left = "\n\nlocal a = '--'  -- here\nif a then\n\nreturn a - -1\nend";
        assert_eq!(code(script), left);
        assert_eq!(code(left), left);
        assert_eq!(code(""), "");
    }

    #[test]
    #[should_panic = "several lines"]
    fn a_comment_of_several_lines_is_refused() {
        code("--[[ Why.\n  not code ]]");
    }

    #[test]
    #[should_panic = "several lines"]
    fn a_text_of_several_lines_is_refused() {
        code("return [=[\n  -- not a comment ]=]");
    }
}
