//! The tutorial as a text: what its sections tell readers to type, what they see, and what they find in files.

use std::collections::{BTreeSet, VecDeque};
use std::fs;

use test_support::workspace;

/// A section of the tutorial that has something to do.
struct Section {
    heading: String,
    blocks: VecDeque<Block>,
}

/// What a block of code is for, as its first line says after the language.
#[derive(Debug)]
pub(super) enum Block {
    /// `sh clone`: sets the reader's machine up, which is done for a test.
    SetUp,
    /// `sh`: typed, and done when it is over.
    Typed(String),
    /// `sh terminal=NAME`: typed in a terminal of its own, where it goes on.
    Terminal { name: String, command: String },
    /// `text`: among what was seen after what was typed last.
    Seen(String),
    /// `excerpt=FILE`: stands so in a file of the application.
    Excerpt { file: String, text: String },
    /// `append=FILE`: the reader adds it at the end of a file of the application.
    Append { file: String, text: String },
    /// `diff change=FILE`: lines of a file of the application, and what the reader writes in their place.
    Change {
        file: String,
        old: String,
        new: String,
    },
}

/// The tutorial, as far as it is not read.
pub(super) struct Tutorial {
    sections: VecDeque<Section>,
    /// The blocks of the section that is being read.
    blocks: VecDeque<Block>,
    pictures: BTreeSet<String>,
}

impl Tutorial {
    pub(super) fn open() -> Self {
        let path = workspace().join("docs/tutorial.md");
        let text = fs::read_to_string(path).expect("the tutorial");
        let mut sections: VecDeque<Section> = VecDeque::new();
        let mut pictures = BTreeSet::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(heading) = line.strip_prefix("## ") {
                sections.push_back(Section {
                    heading: heading.to_owned(),
                    blocks: VecDeque::new(),
                });
            } else if let Some(kind) = line.strip_prefix("```") {
                let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
                let section = sections.back_mut().expect("a heading above all code");
                section
                    .blocks
                    .push_back(Block::parse(kind, code.join("\n")));
            } else if let Some((_, rest)) = line.split_once("](images/") {
                let picture = rest.split(')').next().unwrap_or_default();
                pictures.insert(picture.to_owned());
            }
        }
        sections.retain(|section| !section.blocks.is_empty());
        Self {
            sections,
            blocks: VecDeque::new(),
            pictures,
        }
    }

    /// Goes on to the next section that has something to do, which must be this one: nothing is passed over.
    pub(super) fn go_to(&mut self, heading: &str) {
        assert!(self.blocks.is_empty(), "not done: {:?}", self.blocks);
        let next = self.sections.pop_front();
        let next = next.unwrap_or_else(|| panic!("{heading} is missing"));
        assert_eq!(next.heading, heading, "the next section");
        self.blocks = next.blocks;
    }

    /// The next block of the section.
    pub(super) fn next_block(&mut self) -> Option<Block> {
        self.blocks.pop_front()
    }

    /// Whether the next block says what was seen.
    pub(super) fn says_what_is_seen(&self) -> bool {
        matches!(self.blocks.front(), Some(Block::Seen(_)))
    }

    /// Asserts that everything was read, and that these are the pictures.
    pub(super) fn assert_over(&self, pictures: &BTreeSet<String>) {
        assert!(self.blocks.is_empty(), "not done: {:?}", self.blocks);
        let left: Vec<_> = self.sections.iter().map(|it| &it.heading).collect();
        assert!(left.is_empty(), "not read: {left:?}");
        assert_eq!(*pictures, self.pictures, "the pictures");
    }
}

impl Block {
    fn parse(kind: &str, code: String) -> Self {
        let (language, purpose) = kind.split_once(' ').unwrap_or((kind, ""));
        let (purpose, of) = purpose.split_once('=').unwrap_or((purpose, ""));
        let of = of.to_owned();
        match (language, purpose) {
            ("sh", "clone") => Self::SetUp,
            ("sh", "") => Self::Typed(code),
            ("sh", "terminal") => Self::Terminal {
                name: of,
                command: code,
            },
            ("text", "") => Self::Seen(code),
            (_, "excerpt") => Self::Excerpt {
                file: of,
                text: code,
            },
            (_, "append") => Self::Append {
                file: of,
                text: code,
            },
            ("diff", "change") => Self::Change {
                file: of,
                old: marked(&code, '-'),
                new: marked(&code, '+'),
            },
            _ => panic!("nobody knows what a block of {kind:?} is for"),
        }
    }
}

/// The lines that begin with a mark, without it.
fn marked(code: &str, mark: char) -> String {
    let lines = code.lines().filter_map(|line| line.strip_prefix(mark));
    lines.collect::<Vec<_>>().join("\n")
}
