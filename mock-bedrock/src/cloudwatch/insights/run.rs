//! Commands at work on rows, one after another.

use std::{cell::OnceCell, collections::BTreeMap};

use super::{
    Command, Named, Pattern, Query, ROWS,
    aggregate::{aggregate, is_in},
    evaluate::{Row, evaluate},
    expression::Expression,
    value::Value,
};
use crate::cloudwatch::Millis;

/// An event of a log, as a query sees it.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    pub group: &'a str,
    pub stream: &'a str,
    pub message: &'a str,
    pub timestamp: Millis,
    pub ingested: Millis,
    pub number: u64,
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Rows of names and values; what is missing is not there.
    pub rows: Vec<Vec<(String, String)>>,
    pub matched: usize,
}

/// One event on its way through the commands, or a row of a result.
#[derive(Debug, Default)]
struct Item<'a> {
    line: Option<Line<'a>>,
    json: OnceCell<Option<serde_json::Value>>,
    made: BTreeMap<String, Value>,
}

impl Row for Item<'_> {
    fn field(&self, name: &str) -> Value {
        if let Some(value) = self.made.get(name) {
            return value.clone();
        }
        let Some(line) = &self.line else { return Value::Missing };
        match name {
            "@timestamp" => Value::Time(line.timestamp),
            "@ingestionTime" => Value::Time(line.ingested),
            "@message" => Value::Text(line.message.to_owned()),
            "@logStream" => Value::Text(line.stream.to_owned()),
            "@log" => Value::Text(line.group.to_owned()),
            "@ptr" => Value::Text(pointer(line)),
            name => self.json().and_then(|json| look_up(json, name)).map_or(Value::Missing, Value::of_json),
        }
    }

    fn aggregate(&self, _: &str, _: &[Expression]) -> Option<Value> {
        None
    }
}

impl Item<'_> {
    fn json(&self) -> Option<&serde_json::Value> {
        let line = self.line?;
        let read =
            || line.message.trim_start().starts_with('{').then(|| serde_json::from_str(line.message).ok());
        self.json.get_or_init(|| read().flatten()).as_ref()
    }
}

/// A field by its path: names and numbers between points. A whole name goes before its parts.
fn look_up<'a>(json: &'a serde_json::Value, path: &str) -> Option<&'a serde_json::Value> {
    if let Some(found) = json.get(path) {
        return Some(found);
    }
    let (first, rest) = path.split_once('.')?;
    let inner = match json {
        serde_json::Value::Array(list) => list.get(first.parse::<usize>().ok()?)?,
        object => object.get(first)?,
    };
    match inner {
        serde_json::Value::Array(list) if !rest.contains('.') => list.get(rest.parse::<usize>().ok()?),
        inner => look_up(inner, rest),
    }
}

fn pointer(line: &Line<'_>) -> String {
    format!("{:016x}{:016x}", line.timestamp, line.number)
}

/// All rows of a group at once.
struct Group<'a, 'b> {
    first: &'b Item<'a>,
    rows: Vec<&'b dyn Row>,
}

impl Row for Group<'_, '_> {
    fn field(&self, name: &str) -> Value {
        self.first.field(name)
    }

    fn aggregate(&self, name: &str, arguments: &[Expression]) -> Option<Value> {
        aggregate(name, arguments, &self.rows)
    }
}

/// Runs a query over lines. The newest come first, unless it sorts.
pub fn run<'a>(query: &Query, lines: impl Iterator<Item = Line<'a>>) -> Found {
    let mut items: Vec<Item<'a>> = lines.map(|line| Item { line: Some(line), ..Item::default() }).collect();
    items.reverse();
    let mut shown: Option<Vec<String>> = None;
    let mut matched = items.len();
    let mut limited = false;
    for command in &query.commands {
        match command {
            Command::Fields(named) | Command::Display(named) => {
                make(&mut items, named);
                let names = named.iter().map(|named| named.name.clone());
                match &mut shown {
                    Some(shown) if matches!(command, Command::Fields(_)) => shown.extend(names),
                    shown => *shown = Some(names.collect()),
                }
            }
            Command::Filter(condition) => {
                items.retain(|item| evaluate(condition, item).is_true());
                matched = items.len();
            }
            Command::Stats { columns, by } => {
                shown = Some(by.iter().chain(columns).map(|named| named.name.clone()).collect());
                items = stats(&items, columns, by);
            }
            Command::Sort(keys) => sort(&mut items, keys),
            Command::Limit(rows) => {
                items.truncate(*rows);
                limited = true;
            }
            Command::Dedup(named) => dedup(&mut items, named),
            Command::Parse { from, pattern, names } => {
                items.iter_mut().for_each(|item| take_apart(item, from, pattern, names));
                shown.get_or_insert_with(usual).extend(names.iter().cloned());
            }
        }
    }
    if !limited {
        items.truncate(ROWS);
    }
    let shown = shown.unwrap_or_else(usual);
    Found { rows: items.iter().map(|item| tell(item, &shown)).collect(), matched }
}

fn usual() -> Vec<String> {
    vec!["@timestamp".to_owned(), "@message".to_owned()]
}

fn make(items: &mut [Item<'_>], named: &[Named]) {
    for item in items {
        for Named { name, expression } in named {
            if !matches!(expression, Expression::Field(field) if field == name) {
                let value = evaluate(expression, item);
                item.made.insert(name.clone(), value);
            }
        }
    }
}

fn tell(item: &Item<'_>, shown: &[String]) -> Vec<(String, String)> {
    let told = shown.iter().filter_map(|name| Some((name.clone(), item.field(name).text()?)));
    let pointer = item.line.as_ref().map(|line| ("@ptr".to_owned(), pointer(line)));
    told.chain(pointer).collect()
}

fn stats<'a>(items: &[Item<'a>], columns: &[Named], by: &[Named]) -> Vec<Item<'a>> {
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Item<'a>>> = BTreeMap::new();
    for item in items {
        let key = by.iter().map(|named| evaluate(&named.expression, item).text()).collect();
        groups.entry(key).or_default().push(item);
    }
    let empty = Item::default();
    if groups.is_empty() && by.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    let row = |members: &Vec<&Item<'a>>| {
        let first = members.first().copied().unwrap_or(&empty);
        let group = Group { first, rows: members.iter().map(|item| *item as &dyn Row).collect() };
        let keys = by.iter().map(|named| (named.name.clone(), evaluate(&named.expression, first)));
        let values = columns.iter().map(|named| {
            // A plain field in `stats` would be that of any member.
            let value =
                if is_in(&named.expression) { evaluate(&named.expression, &group) } else { Value::Missing };
            (named.name.clone(), value)
        });
        Item { made: keys.chain(values).collect(), ..Item::default() }
    };
    groups.values().map(row).collect()
}

fn sort(items: &mut [Item<'_>], keys: &[(Expression, bool)]) {
    items.sort_by(|one, other| {
        let orders = keys.iter().map(|(key, descending)| {
            let order = evaluate(key, one).order(&evaluate(key, other));
            if *descending { order.reverse() } else { order }
        });
        orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
}

fn dedup(items: &mut Vec<Item<'_>>, named: &[Named]) {
    let mut seen = std::collections::BTreeSet::new();
    items.retain(|item| {
        let key: Vec<Option<String>> =
            named.iter().map(|named| evaluate(&named.expression, item).text()).collect();
        seen.insert(key)
    });
}

fn take_apart(item: &mut Item<'_>, from: &Expression, pattern: &Pattern, names: &[String]) {
    let Some(text) = evaluate(from, item).text() else { return };
    let parts: Option<Vec<String>> = match pattern {
        Pattern::Glob(parts) => glob(&text, parts),
        Pattern::Regex(regex) => regex.captures(&text).map(|found| {
            let by_name = names.iter().map(|name| found.name(name));
            let by_place = (1..).map(|place| found.get(place));
            let all = by_name.zip(by_place).map(|(named, placed)| named.or(placed));
            all.map(|part| part.map_or_else(String::new, |part| part.as_str().to_owned())).collect()
        }),
    };
    for (name, part) in names.iter().zip(parts.into_iter().flatten()) {
        item.made.insert(name.clone(), Value::Text(part));
    }
}

/// What stands for the asterisks between the parts of a pattern.
fn glob(text: &str, parts: &[String]) -> Option<Vec<String>> {
    let (first, others) = parts.split_first()?;
    let mut rest = &text[text.find(first.as_str())? + first.len()..];
    let mut found = Vec::new();
    for (place, part) in others.iter().enumerate() {
        let last = place + 1 == others.len();
        let end = if part.is_empty() && last { rest.len() } else { rest.find(part.as_str())? };
        found.push(rest[..end].to_owned());
        rest = &rest[end + part.len()..];
    }
    Some(found)
}
