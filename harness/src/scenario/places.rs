//! Where settings stand: in the scenario or in the file that it includes. Checks speak of paths; this turns them into
//! places, and knows which names were written even where their settings could not be read.

use indexmap::IndexSet;

use super::{
    source::{FileId, Spot},
    tree::{Entry, Node, Path, Step},
    words,
};

/// Sections that an included file may hold.
const SHARED: [&str; 3] = ["targets", "world", "prices"];

/// The trees of a scenario and of what it includes, after reading: with what was found wrong marked dead.
#[derive(Debug)]
pub struct Places {
    own: (FileId, Node),
    shared: Included,
}

/// The tree of the included file.
#[derive(Debug)]
pub enum Included {
    Nothing,
    Read(FileId, Node),
    /// There should be one, but it could not be read; nobody knows what it would have held.
    Lost,
}

impl Places {
    pub fn new(own: (FileId, Node), shared: Included) -> Places {
        Places { own, shared }
    }

    /// Where to point for a setting: at its value, or at the name of the nearest thing around it that was written.
    pub fn spot(&self, path: &Path) -> Spot {
        let (file, tree) = self.home(&path.0);
        let found = tree.find(&path.0);
        let whole = found.depth == path.0.len() && found.node.text().is_some() && !found.node.at.is_empty();
        let at = match found.key_at {
            Some(key) if !whole => key.clone(),
            _ => found.node.at.clone(),
        };
        Spot { file, at }
    }

    /// A path in a part's own words, below a place in the file.
    pub fn below(&self, base: &Path, words: &[String]) -> Path {
        let node = self.home(&base.0).1.find(&base.0).node;
        Path(base.0.iter().cloned().chain(node.steps(words).0).collect())
    }

    /// The file that a setting comes from: the scenario's own where it has the section (`world.quotas`) or the
    /// name (`targets.east`), else the shared one.
    fn home(&self, path: &[Step]) -> (FileId, &Node) {
        let head = &path[..path.len().min(2)];
        let depth = |node: &Node| node.find(head).depth;
        match &self.shared {
            Included::Read(file, tree) if depth(tree) > depth(&self.own.1) => (*file, tree),
            _ => (self.own.0, &self.own.1),
        }
    }

    fn trees(&self) -> impl Iterator<Item = &Node> {
        let shared = match &self.shared {
            Included::Read(_, tree) => Some(tree),
            _ => None,
        };
        std::iter::once(&self.own.1).chain(shared)
    }

    /// A section in each file that has it.
    fn sections<'s>(&'s self, section: &'s str) -> impl Iterator<Item = &'s Node> {
        self.trees().filter_map(move |tree| section_of(tree, section))
    }

    /// Whether a section is written anywhere.
    pub fn has(&self, section: &str) -> bool {
        self.sections(section).next().is_some()
    }

    /// Whether something in a section was found wrong already, so that what follows from it should be kept quiet.
    pub fn damaged(&self, section: &str) -> bool {
        self.lost(section) || self.sections(section).any(Node::damaged)
    }

    /// Whether something at a place was found wrong already.
    pub fn damaged_at(&self, path: &Path) -> bool {
        self.home(&path.0).1.find(&path.0).node.damaged()
    }

    /// Whether a part of a section may be in a file that could not be read.
    pub fn lost(&self, section: &str) -> bool {
        matches!(self.shared, Included::Lost) && SHARED.contains(&section)
    }

    /// All names written in a section, also those whose settings could not be read.
    pub fn names(&self, section: &str) -> Vec<&str> {
        let mut names: IndexSet<&str> = IndexSet::new();
        for tree in self.trees() {
            names.extend(names_in(tree, section));
        }
        names.into_iter().collect()
    }

    /// Names written in a section of the scenario itself.
    pub fn own_names(&self, section: &str) -> Vec<&str> {
        names_in(&self.own.1, section).collect()
    }

    /// Names of all phases, also of those whose settings could not be read.
    pub fn phase_names(&self) -> Vec<&str> {
        let phases = self.own.1.find(&Path::of(&["traffic", "phases"]).0);
        let items = if phases.depth == 2 { phases.node.items() } else { &[] };
        items.iter().filter_map(|phase| phase.entry("name")?.value.text()).collect()
    }

    /// Names of all faults, also of those whose settings could not be read.
    pub fn fault_names(&self) -> Vec<&str> {
        let faults = self.own.1.entry("faults").map_or(&[][..], |entry| entry.value.items());
        faults.iter().flat_map(Node::entries).map(|entry| entry.key.as_str()).collect()
    }

    /// Where the n-th item that could be read stands in a list of the file.
    pub fn living(&self, list: &Path, n: usize) -> usize {
        let items = self.own.1.find(&list.0).node.items();
        let mut living = items.iter().enumerate().filter(|(_, item)| !item.dead).map(|(place, _)| place);
        living.nth(n).unwrap_or(n)
    }
}

/// A section of a file; one whose name was misspelt, and reported, counts.
fn section_of<'t>(tree: &'t Node, section: &str) -> Option<&'t Node> {
    let misspelt = |entry: &&Entry| entry.value.dead && words::nearest(&entry.key, &[section]).is_some();
    let entry = tree.entry(section).or_else(|| tree.entries().iter().find(misspelt));
    entry.map(|entry| &entry.value)
}

fn names_in<'t>(tree: &'t Node, section: &str) -> impl Iterator<Item = &'t str> + use<'t> {
    section_of(tree, section).into_iter().flat_map(Node::entries).map(|entry| entry.key.as_str())
}
