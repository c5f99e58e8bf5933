//! What an attempt keeps of its stream: how much has come, and the text, so that another attempt can go on with it.

use std::sync::Arc;

use super::transport::{Meaning, Transport};
use crate::flight::Content;

#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The answer so far, from its very beginning; `None` if it is not kept, or is more than text.
    text: Option<String>,
    /// White space at the end of what was gone on with. Models take no beginning that ends with it, and most write it
    /// anew.
    seam: String,
    tokens: u32,
}

impl Kept {
    /// Of an attempt that goes on with `before`, if there is one.
    pub(super) fn new(keeps: bool, before: Option<&str>) -> Kept {
        let before = before.unwrap_or_default();
        let seam = before[before.trim_end().len()..].to_owned();
        Kept { text: keeps.then(|| before.to_owned()), seam, tokens: 0 }
    }

    pub(super) const fn tokens(&self) -> u32 {
        self.tokens
    }

    /// What there is, for the machine.
    pub(super) fn content(&self) -> Content {
        let is_text = self.text.as_ref().is_some_and(|text| !text.trim().is_empty());
        Content { tokens: self.tokens, is_text }
    }

    /// What another attempt goes on with.
    pub(super) fn text(&self) -> Option<Arc<str>> {
        self.text.as_deref().map(Arc::from)
    }

    /// A part came; gives it as the caller should see it.
    pub(super) fn came<T: Transport>(&mut self, transport: &T, part: T::Part, meaning: &Meaning) -> T::Part {
        if !meaning.content {
            return part;
        }
        self.tokens = self.tokens.saturating_add(meaning.tokens);
        let Some(text) = transport.text(&part) else {
            self.text = None;
            return part;
        };
        let again = self.written_again(text);
        if let Some(all) = &mut self.text {
            all.push_str(&text[again..]);
        }
        if again == 0 { part } else { transport.without(part, again) }
    }

    /// Bytes at the beginning of the first text that stand at the seam already.
    fn written_again(&mut self, text: &str) -> usize {
        let seam = std::mem::take(&mut self.seam);
        let same = seam.chars().zip(text.chars()).take_while(|(one, other)| one == other);
        same.map(|(one, _)| one.len_utf8()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::live::{Break, Opening, Sending};

    /// Parts are their own text, or none.
    struct Texts;

    impl Transport for Texts {
        type Call = ();
        type Answer = Infallible;
        type Stream = ();
        type Part = Option<String>;

        async fn open(&self, _: Sending, (): &()) -> Result<Opening<Infallible, ()>, Break> {
            Ok(Opening::Stream(()))
        }

        async fn next(&self, (): &mut ()) -> Result<Option<Option<String>>, Break> {
            Ok(None)
        }

        fn meaning(&self, _: &Option<String>) -> Meaning {
            Meaning { content: true, tokens: 2, ..Meaning::default() }
        }

        fn text<'p>(&self, part: &'p Option<String>) -> Option<&'p str> {
            part.as_deref()
        }

        fn without(&self, part: Option<String>, bytes: usize) -> Option<String> {
            part.map(|text| text[bytes..].to_owned())
        }
    }

    fn told(kept: &mut Kept, parts: &[&str]) -> String {
        let texts = parts.iter().map(|text| Some((*text).to_owned()));
        texts.map(|part| kept.came(&Texts, part.clone(), &Texts.meaning(&part)).unwrap()).collect()
    }

    #[test]
    fn the_white_space_at_a_seam_is_told_once_whether_the_model_writes_it_again_or_not() {
        // (what the caller has; what comes; what it is told)
        let table: [(&str, &[&str], &str); 6] = [
            ("one ", &[" two", " three"], "two three"),
            ("one ", &["two"], "two"),
            ("one", &[" two"], " two"),
            ("one\n\n", &["\n", "two"], "two"),
            ("one \u{3000}", &[" \u{3000}two"], "two"),
            ("one  ", &[" two"], "two"),
        ];
        for (before, parts, more) in table {
            let mut kept = Kept::new(true, Some(before));
            assert_eq!(told(&mut kept, parts), more, "after {before:?}");
            assert_eq!(kept.text().as_deref(), Some(&*format!("{before}{more}")));
        }
    }

    #[test]
    fn only_what_is_text_from_end_to_end_can_be_gone_on_with() {
        let mut kept = Kept::new(true, None);
        assert_eq!(kept.content(), Content { tokens: 0, is_text: false }, "nothing has come");
        told(&mut kept, &["a", "b"]);
        assert_eq!(kept.content(), Content { tokens: 4, is_text: true });
        kept.came(&Texts, None, &Texts.meaning(&None));
        assert_eq!((kept.content(), kept.text()), (Content { tokens: 6, is_text: false }, None));
        told(&mut kept, &["c"]);
        assert_eq!(kept.text(), None, "what was lost stays lost");
        let mut careless = Kept::new(false, None);
        told(&mut careless, &["a"]);
        assert_eq!(careless.content(), Content { tokens: 2, is_text: false });
    }
}
