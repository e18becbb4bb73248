//! The table of arrows in the documentation, which is written by this program.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::arrows;

const PAGE: &str = "docs/architecture.md";
const BEGIN: &str = "<!-- The arrows: `cargo xtask check --write` writes them. -->\n";
const END: &str = "<!-- The end of the arrows. -->\n";

/// Says so when the page shows other arrows than there are.
pub(crate) fn violations(root: &Path) -> Result<Vec<String>> {
    let (old, new) = pages(root)?;
    Ok(if old == new {
        Vec::new()
    } else {
        vec![format!(
            "{PAGE}: the arrows are not those of the code; run `cargo xtask check --write`"
        )]
    })
}

/// Writes the page anew.
pub(crate) fn write(root: &Path) -> Result<()> {
    let (old, new) = pages(root)?;
    if old != new {
        fs::write(root.join(PAGE), new).with_context(|| format!("cannot write {PAGE}"))?;
    }
    Ok(())
}

/// The page as it is and as it should be.
fn pages(root: &Path) -> Result<(String, String)> {
    let old = fs::read_to_string(root.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
    let new = replace(&old, &arrows::markdown())
        .with_context(|| format!("{PAGE} has lost the place of the arrows: {BEGIN}"))?;
    Ok((old, new))
}

fn replace(page: &str, arrows: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{arrows}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = format!("a\n{BEGIN}old\n{END}z\n");
        let written = replace(&page, "new\n").unwrap();
        assert_eq!(written, format!("a\n{BEGIN}\nnew\n\n{END}z\n"));
        assert_eq!(replace(&written, "new\n").unwrap(), written);
        assert!(replace("a\n", "new\n").is_none());
    }
}
