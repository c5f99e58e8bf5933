//! What faults do to a stream's frames: some are damaged so that nobody can read them, some are added, changed, left
//! out or moved. Frames come in as they were encoded; nothing here knows what they say.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Buf as _, Bytes, BytesMut};
use flate2::Crc;

use crate::engine::{Garble, Quirk};

/// Two lengths and their checksum.
const PRELUDE: usize = 12;
/// The most that a frame may announce by the format, and far more than any does.
const HUGE: u32 = 0x7fff_ffff;
/// Less than the smallest frame, which is a prelude and a checksum.
const TINY: u32 = 8;

/// The first frame of these, damaged. `None` where there is none.
pub fn garbled(frames: BytesMut, how: Garble) -> Option<Bytes> {
    let mut frame = BytesMut::from(&*split(frames).into_iter().next()?);
    let length = frame.len();
    match how {
        Garble::CutFrame => frame.truncate(length / 2),
        Garble::PreludeChecksum => frame[PRELUDE - 1] ^= 1,
        Garble::MessageChecksum => frame[length - 1] ^= 1,
        Garble::TooShort => lie(&mut frame, TINY),
        Garble::TooLong => lie(&mut frame, HUGE),
        Garble::NoStop | Garble::Gzip => {}
    }
    Some(frame.freeze())
}

/// Another length, and checksums that fit it.
fn lie(frame: &mut BytesMut, length: u32) {
    frame[..4].copy_from_slice(&length.to_be_bytes());
    let sum = checksum(&frame[..8]);
    frame[8..PRELUDE].copy_from_slice(&sum.to_be_bytes());
    let end = frame.len() - 4;
    let sum = checksum(&frame[..end]);
    frame[end..].copy_from_slice(&sum.to_be_bytes());
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Frames one by one, by the lengths that they announce.
fn split(frames: BytesMut) -> Vec<Bytes> {
    let mut rest = frames.freeze();
    let mut split = Vec::new();
    while rest.len() >= PRELUDE {
        let announced = usize::try_from(rest.clone().get_u32()).unwrap_or(usize::MAX);
        split.push(rest.split_to(announced.clamp(PRELUDE, rest.len())));
    }
    split
}

/// Where in a stream frames belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Start,
    /// Content, with how many tokens came before.
    Content {
        told: u32,
    },
    End,
}

/// Passes frames on, and does its one trick at its place.
#[derive(Debug)]
pub struct Mangler {
    trick: Trick,
    done: bool,
    /// A frame that must wait for the next one.
    held: Option<Bytes>,
}

/// What a mangler does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trick {
    Quirk(Quirk),
    /// Leaves out the first of the frames that end the stream.
    NoStop,
    /// Leaves out the last frame of all, which ends streams of models' own events.
    NoLast,
}

impl Mangler {
    pub fn new(trick: Trick) -> Mangler {
        Mangler { trick, done: false, held: None }
    }

    pub fn pass(&mut self, part: Part, frames: BytesMut, out: &mut BytesMut) {
        let frames = split(frames);
        match (&self.trick, part) {
            (Trick::NoLast, _) => frames.into_iter().for_each(|frame| {
                put(out, self.held.replace(frame));
            }),
            (Trick::NoStop, Part::End) | (Trick::Quirk(Quirk::NoStart), Part::Start) => {
                put(out, frames.into_iter().skip(1));
            }
            (Trick::Quirk(quirk), Part::Content { .. } | Part::End) => {
                let quirk = quirk.clone();
                self.quirk(&quirk, part, frames, out);
            }
            _ => put(out, frames),
        }
    }

    fn quirk(&mut self, quirk: &Quirk, part: Part, frames: Vec<Bytes>, out: &mut BytesMut) {
        let here = |after: u32| match part {
            Part::Content { told } => told >= after,
            _ => true,
        };
        let due = match quirk {
            Quirk::UnknownEvent { after } | Quirk::EmptyEvent { after } | Quirk::UnknownHeader { after } => {
                here(*after)
            }
            Quirk::Twice { after } | Quirk::Swapped { after } => here(*after) && part != Part::End,
            _ => false,
        };
        let mut frames = frames.into_iter();
        // A frame that was held goes behind the next one, or before the end.
        if let Some(held) = self.held.take() {
            let next = if part == Part::End { None } else { frames.next() };
            put(out, next.into_iter().chain([held]));
        }
        if due && !std::mem::replace(&mut self.done, true) {
            match quirk {
                Quirk::UnknownEvent { .. } => put(out, unknown("richterProbe", b"{\"probe\":true}")),
                Quirk::EmptyEvent { .. } => put(out, unknown("richterProbe", b"")),
                Quirk::UnknownHeader { .. } => put(out, frames.next().map(with_header)),
                Quirk::Twice { .. } => {
                    let first = frames.next();
                    put(out, first.clone().into_iter().chain(first));
                }
                Quirk::Swapped { .. } => self.swap(&mut frames, out),
                _ => {}
            }
        }
        put(out, frames);
    }

    fn swap(&mut self, frames: &mut impl Iterator<Item = Bytes>, out: &mut BytesMut) {
        let first = frames.next();
        match frames.next() {
            Some(second) => put(out, [second].into_iter().chain(first)),
            None => self.held = first,
        }
    }
}

fn put(out: &mut BytesMut, frames: impl IntoIterator<Item = Bytes>) {
    frames.into_iter().for_each(|frame| out.extend_from_slice(&frame));
}

fn text(name: &'static str, value: &'static str) -> Header {
    Header::new(name, HeaderValue::String(value.into()))
}

fn unknown(name: &'static str, payload: &'static [u8]) -> Option<Bytes> {
    let named = text(":event-type", name);
    let typed = text(":content-type", "application/json");
    encode(Message::new_from_parts(vec![named, typed, text(":message-type", "event")], payload))
}

fn with_header(frame: Bytes) -> Bytes {
    let mut rest = frame.clone();
    let read = read_message_from(&mut rest).ok();
    let more = |message: Message| message.add_header(text("x-richter-probe", "1"));
    read.map(more).and_then(encode).unwrap_or(frame)
}

fn encode(message: Message) -> Option<Bytes> {
    let mut out = BytesMut::new();
    write_message_to(&message, &mut out).ok()?;
    Some(out.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &'static str) -> BytesMut {
        let mut out = BytesMut::new();
        out.extend_from_slice(&unknown(name, b"{}").expect("a frame"));
        out
    }

    fn joined(names: &[&'static str]) -> BytesMut {
        names.iter().map(|name| frame(name)).fold(BytesMut::new(), |mut all, one| {
            all.extend_from_slice(&one);
            all
        })
    }

    /// Event types, as the vendor's decoder reads them.
    fn names(bytes: BytesMut) -> Vec<String> {
        let mut rest = bytes.freeze();
        let mut names = Vec::new();
        while !rest.is_empty() {
            let message = read_message_from(&mut rest).expect("a whole frame");
            let named = message.headers().iter().find(|header| header.name().as_str() == ":event-type");
            let named = named.and_then(|header| header.value().as_string().ok()).expect("a type");
            names.push(named.as_str().to_owned() + if message.headers().len() > 3 { "+" } else { "" });
        }
        names
    }

    #[test]
    fn each_damage_is_one_that_the_vendors_decoder_finds() {
        for (how, word) in [
            (Garble::PreludeChecksum, "PreludeChecksumMismatch"),
            (Garble::MessageChecksum, "MessageChecksumMismatch"),
            (Garble::TooShort, "InvalidMessageLength"),
        ] {
            let bytes = garbled(joined(&["a", "b"]), how).expect("a frame");
            let error = read_message_from(&mut bytes.clone()).expect_err("damaged");
            assert!(format!("{error:?}").contains(word), "{how:?}: {error:?}");
        }
        let whole = frame("a").len();
        let cut = garbled(joined(&["a", "b"]), Garble::CutFrame).expect("a frame");
        assert_eq!(cut.len(), whole / 2);
        let long = garbled(frame("a"), Garble::TooLong).expect("a frame");
        assert_eq!((long.len(), long.clone().get_u32()), (whole, HUGE));
        assert_eq!(checksum(&long[..8]).to_be_bytes(), long[8..12], "the length is vouched for");
        assert_eq!(garbled(BytesMut::new(), Garble::CutFrame), None);
    }

    #[test]
    fn each_trick_changes_its_place_and_nothing_else() {
        let quirk = Trick::Quirk;
        for (trick, told) in [
            (quirk(Quirk::NoRequestId), vec!["s", "a", "b", "c", "stop", "meta"]),
            (quirk(Quirk::NoStart), vec!["a", "b", "c", "stop", "meta"]),
            (Trick::NoStop, vec!["s", "a", "b", "c", "meta"]),
            (Trick::NoLast, vec!["s", "a", "b", "c", "stop"]),
            (
                quirk(Quirk::UnknownEvent { after: 1 }),
                vec!["s", "a", "richterProbe", "b", "c", "stop", "meta"],
            ),
            (quirk(Quirk::EmptyEvent { after: 3 }), vec!["s", "a", "b", "c", "richterProbe", "stop", "meta"]),
            (quirk(Quirk::UnknownHeader { after: 2 }), vec!["s", "a", "b", "c+", "stop", "meta"]),
            (quirk(Quirk::Twice { after: 0 }), vec!["s", "a", "a", "b", "c", "stop", "meta"]),
            (quirk(Quirk::Swapped { after: 0 }), vec!["s", "b", "a", "c", "stop", "meta"]),
            (quirk(Quirk::Swapped { after: 2 }), vec!["s", "a", "b", "c", "stop", "meta"]),
        ] {
            let mut mangler = Mangler::new(trick.clone());
            let mut out = BytesMut::new();
            mangler.pass(Part::Start, frame("s"), &mut out);
            for (told, name) in (0..).zip(["a", "b", "c"]) {
                mangler.pass(Part::Content { told }, frame(name), &mut out);
            }
            mangler.pass(Part::End, joined(&["stop", "meta"]), &mut out);
            assert_eq!(names(out), told, "{trick:?}");
        }
    }

    #[test]
    fn two_frames_in_one_piece_are_swapped_there() {
        let mut mangler = Mangler::new(Trick::Quirk(Quirk::Swapped { after: 0 }));
        let mut out = BytesMut::new();
        mangler.pass(Part::Content { told: 0 }, joined(&["a", "b", "c"]), &mut out);
        assert_eq!(names(out), ["b", "a", "c"]);
    }
}
