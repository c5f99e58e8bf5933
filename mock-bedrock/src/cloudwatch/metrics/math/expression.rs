//! An expression's text, read by precedence: `||`, `&&`, comparisons, `+ -`, `* /`, `^`.

/// Most parentheses, lists and calls inside one another.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Number(f64),
    Text(String),
    Name(String),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    List(Vec<Expression>),
    Call(String, Vec<Expression>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Plus,
    Minus,
    Times,
    Over,
    Power,
}

/// By precedence, and longer ones before those that they begin with.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("OR", Operator::Or)],
    &[("&&", Operator::And), ("AND", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Plus), ("-", Operator::Minus)],
    &[("*", Operator::Times), ("/", Operator::Over)],
    &[("^", Operator::Power)],
];

impl Operator {
    pub fn apply(self, left: f64, right: f64) -> f64 {
        let flag = |holds: bool| if holds { 1.0 } else { 0.0 };
        match self {
            Operator::Or => flag(left != 0.0 || right != 0.0),
            Operator::And => flag(left != 0.0 && right != 0.0),
            Operator::Equal => flag(left == right),
            Operator::NotEqual => flag(left != right),
            Operator::LessOrEqual => flag(left <= right),
            Operator::GreaterOrEqual => flag(left >= right),
            Operator::Less => flag(left < right),
            Operator::Greater => flag(left > right),
            Operator::Plus => left + right,
            Operator::Minus => left - right,
            Operator::Times => left * right,
            Operator::Over => left / right,
            Operator::Power => libm::pow(left, right),
        }
    }
}

pub fn parse(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { rest: text, depth: 0 };
    let expression = reader.level(0)?;
    if reader.rest.trim_start().is_empty() { Ok(expression) } else { Err(reader.unexpected()) }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn unexpected(&self) -> String {
        match self.rest.trim_start().chars().next() {
            Some(c) => format!("'{c}' is unexpected"),
            None => "it ends too early".to_owned(),
        }
    }

    fn take(&mut self, what: &str) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(what) else { return false };
        let word = what.ends_with(|c: char| c.is_alphabetic());
        if word && rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        self.rest = rest;
        true
    }

    fn level(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let mut left = self.level(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(text, _)| self.take(text)) {
            let right = self.level(level + 1)?;
            left = Expression::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expression, String> {
        let mut negative = false;
        while self.take("-") {
            negative = !negative;
        }
        let inner = self.single()?;
        Ok(if negative { Expression::Negative(Box::new(inner)) } else { inner })
    }

    fn single(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it nests more than {DEPTH_MAX} deep"));
        }
        let single = self.at_depth();
        self.depth -= 1;
        single
    }

    fn at_depth(&mut self) -> Result<Expression, String> {
        if self.take("(") {
            let inner = self.level(0)?;
            return if self.take(")") { Ok(inner) } else { Err(self.unexpected()) };
        }
        if self.take("[") {
            return self.list("]").map(Expression::List);
        }
        if self.take("\"") {
            let (text, rest) = self.rest.split_once('"').ok_or("a quote is not closed")?;
            self.rest = rest;
            return Ok(Expression::Text(text.to_owned()));
        }
        self.rest = self.rest.trim_start();
        match self.rest.chars().next() {
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.name(),
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Result<Expression, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text.parse().map(Expression::Number).map_err(|_| format!("{text} is no number"))
    }

    fn name(&mut self) -> Result<Expression, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if self.take("(") {
            return Ok(Expression::Call(name.to_owned(), self.list(")")?));
        }
        Ok(match name {
            "TRUE" => Expression::Number(1.0),
            "FALSE" => Expression::Number(0.0),
            // Ids begin small; FILL's words stand without quotes.
            name if name.starts_with(|c: char| c.is_ascii_uppercase()) => Expression::Text(name.to_owned()),
            name => Expression::Name(name.to_owned()),
        })
    }

    /// Expressions between commas, up to a closing bracket.
    fn list(&mut self, close: &str) -> Result<Vec<Expression>, String> {
        let mut list = Vec::new();
        if self.take(close) {
            return Ok(list);
        }
        loop {
            list.push(self.level(0)?);
            if self.take(close) {
                return Ok(list);
            }
            if !self.take(",") {
                return Err(self.unexpected());
            }
        }
    }
}
