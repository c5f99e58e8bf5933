//! Text to tree, over the parser's events, with limits on all that a hostile file could grow.

use std::{collections::BTreeMap, ops::Range};

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span};

use super::{Entry, Kind, Node};

/// Most bytes of one file.
pub const BYTES_MAX: usize = 1 << 20;
/// Most nodes, each use of an alias counted in full.
pub const NODES_MAX: usize = 50_000;
/// Most keys of one map.
pub const KEYS_MAX: usize = 2_000;
/// Most flaws told of one file.
const FLAWS_MAX: usize = 50;
/// Deepest nesting.
pub const DEPTH_MAX: usize = 64;

/// Something wrong with the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    pub at: Range<usize>,
    pub message: String,
    pub hint: String,
    /// Another place that belongs to it, and why.
    pub also: Option<(Range<usize>, &'static str)>,
}

impl Flaw {
    fn new(at: Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Flaw {
        Flaw { at, message: message.into(), hint: hint.into(), also: None }
    }
}

/// A tree, and the flaws that did not stop it from being built.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    pub tree: Node,
    pub flaws: Vec<Flaw>,
}

/// Reads one YAML document.
pub fn parse(text: &str) -> Result<Parsed, Flaw> {
    if text.len() > BYTES_MAX {
        let message = format!("the file has {} bytes; at most {BYTES_MAX} are read", text.len());
        return Err(Flaw::new(
            0..0,
            message,
            "keep a scenario short; long traces go into files of their own",
        ));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options()) {
        let (event, span) = event.map_err(|error| syntax(&error, text))?;
        builder.take(event, &span)?;
    }
    let tree = builder.root.ok_or_else(|| empty(text))?;
    Ok(Parsed { tree, flaws: builder.flaws })
}

fn options() -> granit_parser::Options {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    options.set_emit_comments(false);
    options
}

fn syntax(error: &ScanError, text: &str) -> Flaw {
    let start = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    Flaw::new(start..start, format!("not valid YAML: {}", error.info()), syntax_hint(error))
}

fn syntax_hint(error: &ScanError) -> &'static str {
    use granit_parser::ErrorKind as E;
    match error.kind() {
        E::TabNotAllowed | E::TabInBlockIndentation => "indent with spaces",
        E::UnknownAnchor => "define the anchor (&name) above its first use",
        E::DirectiveDisallowed => "remove the line that begins with %",
        _ => "check indentation, quotes, brackets and the space after each colon, here and in the line above",
    }
}

fn empty(text: &str) -> Flaw {
    Flaw::new(text.len()..text.len(), "the file is empty", "`richter init` writes a scenario to start from")
}

/// A list or map that has begun and not ended.
#[derive(Debug)]
struct Open {
    start: usize,
    anchor: usize,
    /// Nodes counted before it.
    before: usize,
    height: usize,
    inside: Inside,
}

#[derive(Debug)]
enum Inside {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<(String, Range<usize>)>),
}

/// A node that an alias may repeat.
#[derive(Debug)]
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

#[derive(Debug, Default)]
struct Builder {
    stack: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
    flaws: Vec<Flaw>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Flaw> {
        let at = span.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(..) => self.document(at),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &at)?;
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.count(1, &at)?;
                self.add(Node { at, kind, dead: false }, anchor, 1, 0)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &at)?;
                self.open(at, anchor, Inside::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.is_some(), &at)?;
                self.open(at, anchor, Inside::Map(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at.end),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(()),
        }
    }

    fn document(&mut self, at: Range<usize>) -> Result<(), Flaw> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Flaw::new(at, "a second document begins here", "keep one scenario in one file"));
        }
        Ok(())
    }

    fn refuse_tag(&self, tagged: bool, at: &Range<usize>) -> Result<(), Flaw> {
        if tagged {
            return Err(Flaw::new(
                at.clone(),
                "tags have no meaning here",
                "remove the word that begins with !",
            ));
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, at: &Range<usize>) -> Result<(), Flaw> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            let message = format!("the file has more than {NODES_MAX} values, aliases counted in full");
            return Err(Flaw::new(at.clone(), message, "shorten it, or repeat less by alias"));
        }
        Ok(())
    }

    fn deep(&self, height: usize, at: &Range<usize>) -> Result<(), Flaw> {
        if self.stack.len() + height > DEPTH_MAX {
            let message = format!("nested more than {DEPTH_MAX} levels deep");
            return Err(Flaw::new(at.clone(), message, "no setting needs that; check the brackets"));
        }
        Ok(())
    }

    fn open(&mut self, at: Range<usize>, anchor: usize, inside: Inside) -> Result<(), Flaw> {
        let before = self.nodes;
        self.count(1, &at)?;
        self.deep(1, &at)?;
        self.stack.push(Open { start: at.start, anchor, before, height: 1, inside });
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Flaw> {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let kind = match open.inside {
            Inside::List(items) => Kind::List(items),
            Inside::Map(entries, _) => Kind::Map(entries),
        };
        let node = Node { at: open.start..end.max(open.start), kind, dead: false };
        self.add(node, open.anchor, self.nodes - open.before, open.height)
    }

    fn alias(&mut self, anchor: usize, at: Range<usize>) -> Result<(), Flaw> {
        let Some(Anchored { node, nodes, height }) = self.anchors.get(&anchor) else {
            return Err(Flaw::new(at, "this alias stands inside what it repeats", "write the value out"));
        };
        let (node, nodes, height) = (node, *nodes, *height);
        // Counted before it is copied: an alias bomb ends here.
        if self.nodes + nodes <= NODES_MAX {
            let node = node.clone();
            self.deep(height, &at)?;
            self.nodes += nodes;
            return self.add(node, 0, nodes, height);
        }
        self.count(nodes, &at)
    }

    fn add(&mut self, node: Node, anchor: usize, nodes: usize, height: usize) -> Result<(), Flaw> {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, height });
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.height = open.height.max(height + 1);
        match &mut open.inside {
            Inside::List(items) => items.push(node),
            Inside::Map(entries, slot) => match slot.take() {
                None => *slot = Some(key(node)?),
                Some((key, key_at)) => {
                    let flaw = put(entries, Entry { key, key_at, value: node })?;
                    let room = self.flaws.len() < FLAWS_MAX;
                    self.flaws.extend(flaw.filter(|_| room));
                }
            },
        }
        Ok(())
    }
}

fn key(node: Node) -> Result<(String, Range<usize>), Flaw> {
    match node.kind {
        Kind::Scalar { text, plain: true } if text == "<<" => Err(Flaw::new(
            node.at,
            "merging maps with << is not supported",
            "write the keys out; an alias can repeat a whole value",
        )),
        Kind::Scalar { text, .. } => Ok((text, node.at)),
        _ => Err(Flaw::new(node.at, "a key must be text", "write `key: value`")),
    }
}

/// Adds an entry unless its key is there already, which is a flaw but no reason to stop.
fn put(entries: &mut Vec<Entry>, entry: Entry) -> Result<Option<Flaw>, Flaw> {
    if let Some(first) = entries.iter().find(|earlier| earlier.key == entry.key) {
        let also = Some((first.key_at.clone(), "first written here"));
        let message = format!("\"{}\" is written twice", entry.key);
        return Ok(Some(Flaw { also, ..Flaw::new(entry.key_at, message, "keep one of the two") }));
    }
    if entries.len() == KEYS_MAX {
        let message = format!("more than {KEYS_MAX} keys in one place");
        return Err(Flaw::new(entry.key_at, message, "split the scenario into several"));
    }
    entries.push(entry);
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text).expect_err(text).message
    }

    #[test]
    fn positions_are_byte_ranges_of_the_file() {
        let text = "å: [1, \"two\"]\nb:\n  c: x y\n";
        let tree = parse(text).expect("valid").tree;
        let of = |path: &[super::super::Step]| &text[tree.find(path).node.at.clone()];
        let path = super::super::Path::of(&["å"]);
        assert_eq!(of(&path.0), "[1, \"two\"]");
        assert_eq!(of(&path.item(1).0), "\"two\"");
        assert_eq!(of(&super::super::Path::of(&["b", "c"]).0), "x y");
    }

    #[test]
    fn an_alias_repeats_its_value() {
        let tree = parse("a: &x { k: 1 }\nb: *x").expect("valid").tree;
        assert_eq!(tree.entry("a").map(|e| &e.value), tree.entry("b").map(|e| &e.value));
    }

    #[test]
    fn what_could_grow_without_end_is_refused() {
        let bomb: String = (1..20).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
        assert!(refusal(&format!("a0: &a0 [x]\n{bomb}")).contains("aliases counted in full"));
        let chain: String = (1..80).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
        assert!(refusal(&format!("a0: &a0 [x]\n{chain}")).contains("levels deep"));
        assert!(refusal(&"[".repeat(70)).contains("not valid YAML"));
        assert!(refusal(&" ".repeat(BYTES_MAX + 1)).contains("at most"));
        assert!(refusal(&format!("[{}]", "1,".repeat(NODES_MAX))).contains("more than 50000 values"));
        let keys: String = (0..=KEYS_MAX).map(|n| format!("k{n}: 1\n")).collect();
        assert!(refusal(&keys).contains("more than 2000 keys"));
    }

    #[test]
    fn what_has_no_meaning_here_is_refused() {
        for (text, part) in [
            ("a: &x [*x]", "inside what it repeats"),
            ("a: !!str 5", "tags"),
            ("<<: 1", "merging"),
            ("? [a]\n: 1", "a key must be text"),
            ("a: 1\n---\nb: 2", "second document"),
            ("", "empty"),
            ("# nothing", "empty"),
            ("a: *b", "not valid YAML"),
        ] {
            assert!(refusal(text).contains(part), "{text}: {}", refusal(text));
        }
    }

    #[test]
    fn a_key_written_twice_is_reported_and_the_first_is_kept() {
        let parsed = parse("a: 1\na: 2\nb: 3").expect("valid");
        assert_eq!(parsed.flaws.len(), 1);
        assert_eq!(parsed.tree.entry("a").and_then(|e| e.value.text()), Some("1"));
    }
}
