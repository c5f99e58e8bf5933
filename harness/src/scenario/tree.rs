//! A YAML file as a tree in which every node knows where it was written.
//!
//! Reading stops at the first thing that is wrong, so whoever wants to report everything marks the wrong part dead and
//! reads again (`gather`). A dead node stays in the tree: its name is still known and so is its place.
//! Text becomes a tree in [`parse`].

pub mod parse;

use std::{fmt, ops::Range};

/// One value in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Bytes of the file.
    pub at: Range<usize>,
    pub kind: Kind,
    /// Found wrong and reported; reading skips it.
    pub dead: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text and whether it was written without quotes, so that it may stand for a number.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_at: Range<usize>,
    pub value: Node,
}

/// One step from a node to a node inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Key(String),
    Item(usize),
}

/// From the top of a file to one of its nodes, shown as `traffic.phases[1].rate`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Path(pub Vec<Step>);

/// What was found at the end of a path, or as far along it as the file goes.
#[derive(Debug, Clone, Copy)]
pub struct Found<'t> {
    pub node: &'t Node,
    /// Where the last key on the way was written.
    pub key_at: Option<&'t Range<usize>>,
    /// How many steps of the path exist.
    pub depth: usize,
}

impl Node {
    pub fn child(&self, step: &Step) -> Option<&Node> {
        match (&self.kind, step) {
            (Kind::Map(entries), Step::Key(key)) => {
                entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.value)
            }
            (Kind::List(items), Step::Item(index)) => items.get(*index),
            _ => None,
        }
    }

    pub fn child_mut(&mut self, step: &Step) -> Option<&mut Node> {
        match (&mut self.kind, step) {
            (Kind::Map(entries), Step::Key(key)) => {
                entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.value)
            }
            (Kind::List(items), Step::Item(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether nothing was written, or `null` or `~`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// Follows a path as far as the file goes.
    pub fn find<'t>(&'t self, path: &[Step]) -> Found<'t> {
        let mut found = Found { node: self, key_at: None, depth: 0 };
        for step in path {
            let Some(next) = found.node.child(step) else { break };
            found.key_at = match step {
                Step::Key(key) => found.node.entry(key).map(|entry| &entry.key_at),
                Step::Item(_) => None,
            };
            found.node = next;
            found.depth += 1;
        }
        found
    }

    pub fn find_mut(&mut self, path: &[Step]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, step| node.child_mut(step))
    }

    /// Whether this node or anything inside it was found wrong.
    pub fn damaged(&self) -> bool {
        self.dead
            || self.items().iter().any(Node::damaged)
            || self.entries().iter().any(|entry| entry.value.damaged())
    }

    pub fn has_dead_child(&self) -> bool {
        self.items().iter().any(|item| item.dead) || self.entries().iter().any(|entry| entry.value.dead)
    }

    /// Turns keys and indices given as text into steps, by what the file has at each place.
    pub fn steps(&self, words: &[String]) -> Path {
        let mut node = Some(self);
        let mut steps = Vec::with_capacity(words.len());
        for word in words {
            let index = word.parse().ok().filter(|_| !matches!(node.map(|n| &n.kind), Some(Kind::Map(_))));
            let step = index.map_or_else(|| Step::Key(word.clone()), Step::Item);
            node = node.and_then(|node| node.child(&step));
            steps.push(step);
        }
        Path(steps)
    }
}

impl Path {
    /// A path of keys.
    pub fn of(keys: &[&str]) -> Path {
        Path(keys.iter().map(|key| Step::Key((*key).to_owned())).collect())
    }

    pub fn key(mut self, key: impl Into<String>) -> Path {
        self.0.push(Step::Key(key.into()));
        self
    }

    pub fn item(mut self, index: usize) -> Path {
        self.0.push(Step::Item(index));
        self
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        for (place, step) in self.0.iter().enumerate() {
            let dot = if place == 0 { "" } else { "." };
            match step {
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Key(key) if !key.is_empty() && key.chars().all(bare) => write!(f, "{dot}{key}")?,
                Step::Key(key) => write!(f, "{dot}\"{key}\"")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_the_file() {
        let path = Path::of(&["traffic", "phases"]).item(1).key("rate");
        assert_eq!(path.to_string(), "traffic.phases[1].rate");
        let model = Path::of(&["world", "models", "a.b:0"]).key("burndown");
        assert_eq!(model.to_string(), "world.models.\"a.b:0\".burndown");
    }

    #[test]
    fn words_become_steps_by_what_the_file_has() {
        let tree = parse::parse("a: [x, { 0: y }]").expect("valid").tree;
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(tree.steps(&words(&["a", "1", "0"])), Path::of(&["a"]).item(1).key("0"));
        let found = tree.find(&Path::of(&["a"]).item(1).key("0").key("deeper").0);
        assert_eq!((found.node.text(), found.depth), (Some("y"), 3));
    }
}
