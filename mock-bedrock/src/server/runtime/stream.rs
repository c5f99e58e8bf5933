//! A streamed answer as a body: each token at its absolute time, all that is due in one piece, and the end that the
//! engine decided. No task and no timer belongs to a token; what comes late is caught up with and shifts nothing.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use serde_json::json;

use super::{
    damage::{Mangler, Part, Trick, garbled},
    families::{Beat, Dialect, Telling},
    frame::Frames,
};
use crate::{
    engine::{BodyEnd, Garble},
    exception::{Exception, ExceptionKind},
    server::{Site, clock::instant, live::Admitted, pacer::is_due_by, reply::Cut},
};

/// Bytes handed over at once, about; an answer without pauses is written in such pieces.
const PIECE_BYTES: usize = 32 << 10;

/// How far a stream has come in its telling.
#[derive(Debug, Default)]
pub struct Cursor {
    block: usize,
    within: u32,
    told: u32,
    deltas: u32,
    open: bool,
}

impl Cursor {
    pub fn start(&mut self, _telling: &Telling, beat: &mut dyn FnMut(&Beat<'_>)) {
        beat(&Beat::Start);
    }

    /// Tells until so many tokens of the whole answer are told, at most `most` of them in one delta.
    pub fn advance(&mut self, telling: &Telling, until: u32, most: u32, beat: &mut dyn FnMut(&Beat<'_>)) {
        let total = telling.script.tokens();
        while let Some(block) = telling.script.blocks.get(self.block).filter(|_| self.told < until) {
            let index = self.block;
            if !std::mem::replace(&mut self.open, true) {
                beat(&Beat::Open { index, block });
            }
            let tokens = most.min(until - self.told).min(block.tokens - self.within);
            let text = block.part(self.within, self.within + tokens);
            self.within += tokens;
            self.told += tokens;
            let last = self.told == total;
            beat(&Beat::Part { index, block, text: &text, delta: self.deltas, tokens: self.told, last });
            self.deltas += 1;
            if self.within == block.tokens {
                beat(&Beat::Close { index, block });
                (self.block, self.within, self.open) = (index + 1, 0, false);
            }
        }
    }

    pub fn end(&mut self, _telling: &Telling, beat: &mut dyn FnMut(&Beat<'_>)) {
        beat(&Beat::End);
    }
}

/// A stream under way.
#[derive(Debug)]
pub struct StreamBody {
    site: Arc<Site>,
    admitted: Admitted,
    frames: Frames,
    cursor: Cursor,
    stage: Stage,
    per_event: u32,
    /// Changes what goes out, where a fault wants it.
    mangler: Option<Mangler>,
    /// The wake-up that was asked for, so that being polled for other reasons asks for no second one.
    asked: Option<(Instant, Waker)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Telling,
    /// Now comes a frame that announces more than there is.
    Lying,
    /// What was written must leave before the connection breaks.
    Breaking,
    Broken,
    Over,
}

/// What comes next.
enum Next {
    At(Instant),
    Never,
    /// The stream goes on at once.
    Now,
    Done,
    Break,
}

impl StreamBody {
    pub(super) fn new(site: Arc<Site>, admitted: Admitted, frames: Frames) -> StreamBody {
        let per_event = site.settings.tokens_per_event.max(1);
        let nothing = matches!(admitted.answer.end, BodyEnd::Bare { .. });
        let stage = if nothing { Stage::Telling } else { Stage::Head };
        let mangler = trick(&admitted).map(Mangler::new);
        StreamBody {
            site,
            admitted,
            frames,
            cursor: Cursor::default(),
            stage,
            per_event,
            mangler,
            asked: None,
        }
    }

    fn step(&mut self, out: &mut BytesMut, now: Instant) -> Next {
        match self.stage {
            Stage::Head => {
                self.write(Part::Start, out, |cursor, telling, beat| cursor.start(telling, beat));
                self.stage = self.after_head();
                Next::Now
            }
            Stage::Telling => self.tell(out, now),
            Stage::Lying => {
                self.garble(Garble::TooLong, out);
                self.stage = Stage::Telling;
                Next::Now
            }
            Stage::Breaking | Stage::Broken => Next::Break,
            Stage::Over => Next::Done,
        }
    }

    fn tell(&mut self, out: &mut BytesMut, now: Instant) -> Next {
        let answer = &self.admitted.answer;
        if self.cursor.told < answer.tokens {
            // The first token goes alone, so that it is not late for the sake of those with it.
            let group = if self.cursor.told == 0 { 1 } else { self.per_event };
            let until = self.cursor.told.saturating_add(group).min(answer.tokens);
            let at = answer.token_at(until);
            return match self.admitted.moment.instant_of(at) {
                Some(at) if !is_due_by(at, now) => Next::At(at),
                Some(_) => {
                    let (part, most) = (Part::Content { told: self.cursor.told }, self.per_event);
                    self.write(part, out, |cursor, telling, beat| cursor.advance(telling, until, most, beat));
                    self.stage = self.after_head();
                    Next::Now
                }
                None => Next::Never,
            };
        }
        match self.admitted.moment.instant_of(answer.last_at) {
            None => Next::Never,
            Some(at) if !is_due_by(at, now) => Next::At(at),
            Some(_) => self.end(out),
        }
    }

    fn end(&mut self, out: &mut BytesMut) -> Next {
        match &self.admitted.answer.end {
            BodyEnd::Complete { .. } | BodyEnd::Garbled(Garble::NoStop) => {
                self.write(Part::End, out, |cursor, telling, beat| cursor.end(telling, beat));
            }
            BodyEnd::Eof | BodyEnd::Bare { reset: false } | BodyEnd::Garbled(Garble::TooLong) => {}
            BodyEnd::Garbled(how) => self.garble(*how, out),
            BodyEnd::Exception(exception) => {
                let dialect = self.admitted.telling.dialect;
                write_exception(dialect, exception, &self.frames, out);
            }
            BodyEnd::Reset | BodyEnd::Lost | BodyEnd::Bare { reset: true } => {
                self.stage = Stage::Breaking;
                return Next::Break;
            }
            BodyEnd::Stalled { .. } => return Next::Never,
        }
        self.stage = Stage::Over;
        Next::Done
    }

    /// A frame that announces too much goes out as soon as nothing else is to be read before it.
    fn after_head(&mut self) -> Stage {
        let answer = &self.admitted.answer;
        let lies = answer.end == BodyEnd::Garbled(Garble::TooLong) && self.cursor.told >= answer.tokens;
        if lies { Stage::Lying } else { Stage::Telling }
    }

    /// Writes what the cursor tells, as frames.
    fn write(
        &mut self,
        part: Part,
        out: &mut BytesMut,
        tell: impl FnOnce(&mut Cursor, &Telling, &mut dyn FnMut(&Beat<'_>)),
    ) {
        let StreamBody { admitted, frames, cursor, mangler, .. } = self;
        let telling = &*admitted.telling;
        match mangler {
            None => tell(cursor, telling, &mut |beat| telling.write(beat, frames, out)),
            Some(mangler) => {
                let mut usual = BytesMut::new();
                tell(cursor, telling, &mut |beat| telling.write(beat, frames, &mut usual));
                mangler.pass(part, usual, out);
            }
        }
    }

    /// The frame that would come next, damaged.
    fn garble(&mut self, how: Garble, out: &mut BytesMut) {
        let mut next = BytesMut::new();
        let until = self.cursor.told.saturating_add(1);
        let StreamBody { admitted, frames, cursor, .. } = self;
        let telling = &*admitted.telling;
        let beat = &mut |beat: &Beat<'_>| telling.write(beat, frames, &mut next);
        cursor.advance(telling, until, 1, beat);
        cursor.end(telling, beat);
        out.extend_from_slice(&garbled(next, how).unwrap_or_default());
    }

    fn wait(&mut self, at: Instant, cx: &Context<'_>) {
        let asked =
            self.asked.as_ref().is_some_and(|(when, waker)| *when == at && waker.will_wake(cx.waker()));
        if !asked {
            self.site.pacer.wake_at(at, cx.waker().clone());
            self.asked = Some((at, cx.waker().clone()));
        }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = self.get_mut();
        let mut out = BytesMut::new();
        let now = instant();
        loop {
            let next = this.step(&mut out, now);
            if !out.is_empty() && !matches!(next, Next::Now) || out.len() >= PIECE_BYTES {
                return Poll::Ready(Some(Ok(Frame::data(out.freeze()))));
            }
            match next {
                Next::Now => {}
                Next::At(at) => {
                    this.wait(at, cx);
                    return Poll::Pending;
                }
                Next::Never => return Poll::Pending,
                Next::Done => return Poll::Ready(None),
                Next::Break if this.stage == Stage::Breaking => {
                    this.stage = Stage::Broken;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Next::Break => return Poll::Ready(Some(Err(Cut::Reset))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stage == Stage::Over
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Over | Stage::Broken) {
            self.site.live.leave(&self.site.clock, self.admitted.epoch, self.admitted.answer.call);
        }
    }
}

/// What a fault wants changed in a stream that is readable all the same.
fn trick(admitted: &Admitted) -> Option<Trick> {
    let answer = &admitted.answer;
    if answer.end == BodyEnd::Garbled(Garble::NoStop) {
        let converse = admitted.telling.dialect == Dialect::Converse;
        return Some(if converse { Trick::NoStop } else { Trick::NoLast });
    }
    let quirk = answer.wire.as_ref().and_then(|wire| wire.quirk.clone());
    quirk.map(Trick::Quirk)
}

/// The members that the two stream unions share, and the one that only the native stream has.
fn member(dialect: Dialect, kind: ExceptionKind) -> Option<&'static str> {
    match kind {
        ExceptionKind::InternalServerException => Some("internalServerException"),
        ExceptionKind::ModelStreamErrorException => Some("modelStreamErrorException"),
        ExceptionKind::ServiceUnavailableException => Some("serviceUnavailableException"),
        ExceptionKind::ThrottlingException => Some("throttlingException"),
        ExceptionKind::ValidationException => Some("validationException"),
        ExceptionKind::ModelTimeoutException if dialect != Dialect::Converse => Some("modelTimeoutException"),
        _ => None,
    }
}

/// An exception that the stream's union lacks is what a model's error would be: `modelStreamErrorException` with the
/// original inside.
fn write_exception(dialect: Dialect, exception: &Exception, frames: &Frames, out: &mut BytesMut) {
    let mut body = json!({ "message": exception.message });
    let name = match member(dialect, exception.kind) {
        Some("modelStreamErrorException") => {
            body["originalStatusCode"] = exception.original_status.unwrap_or(500).into();
            body["originalMessage"] = (*exception.message).into();
            "modelStreamErrorException"
        }
        Some(name) => name,
        None => {
            body["originalStatusCode"] = exception.kind.status().into();
            body["originalMessage"] = (*exception.message).into();
            "modelStreamErrorException"
        }
    };
    frames.exception(out, name, body.to_string().into_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn point_08_a_converse_stream_has_no_model_timeout_and_a_native_one_has() {
        use ExceptionKind::ModelTimeoutException;
        assert_eq!(member(Dialect::Converse, ModelTimeoutException), None);
        assert_eq!(member(Dialect::Claude, ModelTimeoutException), Some("modelTimeoutException"));
        assert_eq!(member(Dialect::Claude, ExceptionKind::AccessDeniedException), None);
    }
}
