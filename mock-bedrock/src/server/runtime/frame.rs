//! Event-stream frames, by the vendor's own encoder. Every event's payload carries the padding key `p`, whose random
//! length is Bedrock's measure against reading answers off the sizes of encrypted packets.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::BytesMut;

use crate::luck::{Draw, Draws};

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// The shortest padding seen.
const PADDING_MIN: u64 = 2;

/// Writes one stream's frames.
#[derive(Debug)]
pub struct Frames {
    draws: Draws,
    request: u64,
    attempt: u32,
    written: u32,
}

/// Purposes of this file's draws; the number of the frame is added.
const PADDING: u32 = 1 << 24;

impl Frames {
    pub fn new(draws: Draws, request: u64, attempt: u32) -> Frames {
        Frames { draws, request, attempt, written: 0 }
    }

    /// The next event's padding.
    pub fn padding(&mut self) -> &'static str {
        self.written = self.written.wrapping_add(1);
        padding(self.draws.draw(self.request, self.attempt, PADDING | self.written & 0xff_ffff))
    }

    pub fn event(&self, out: &mut BytesMut, name: &'static str, payload: Vec<u8>) {
        let headers = vec![text(":event-type", name), json(), text(":message-type", "event")];
        write(out, headers, payload);
    }

    /// A modelled exception inside the stream, named as the member of the union.
    pub fn exception(&self, out: &mut BytesMut, name: &'static str, payload: Vec<u8>) {
        let headers = vec![text(":exception-type", name), json(), text(":message-type", "exception")];
        write(out, headers, payload);
    }
}

fn padding(draw: Draw) -> &'static str {
    let length = PADDING_MIN + draw.below(ALPHABET.len() as u64 - PADDING_MIN + 1);
    &ALPHABET[..length as usize]
}

fn json() -> Header {
    text(":content-type", "application/json")
}

fn text(name: &'static str, value: &'static str) -> Header {
    Header::new(name, HeaderValue::String(value.into()))
}

fn write(out: &mut BytesMut, headers: Vec<Header>, payload: Vec<u8>) {
    let message = Message::new_from_parts(headers, payload);
    // It fails on headers above 64 KiB and on lengths above 4 GiB, and ours are neither.
    let written = write_message_to(&message, out);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;

    use super::*;
    use crate::luck::{Luck, Stream};

    #[test]
    fn point_04_paddings_are_prefixes_of_the_alphabet_of_random_length() {
        let mut frames = Frames::new(Luck::new(1, 0).stream(Stream::Words), 1, 0);
        let lengths: Vec<usize> = (0..4_000).map(|_| frames.padding().len()).collect();
        assert_eq!((lengths.iter().min(), lengths.iter().max()), (Some(&2), Some(&62)));
        assert!(ALPHABET.starts_with(frames.padding()));
    }

    #[test]
    fn a_frame_reads_back_with_its_headers_in_the_order_seen() {
        let frames = Frames::new(Luck::new(1, 0).stream(Stream::Words), 1, 0);
        let mut out = BytesMut::new();
        frames.event(&mut out, "messageStop", b"{}".to_vec());
        frames.exception(&mut out, "throttlingException", b"{\"message\":\"no\"}".to_vec());
        let mut rest = out.freeze();
        let mut read = || read_message_from(&mut rest).expect("a whole frame");
        let names = |message: &Message| {
            let pair = |header: &Header| {
                let value = header.value().as_string().expect("text").as_str().to_owned();
                format!("{}={value}", header.name().as_str())
            };
            message.headers().iter().map(pair).collect::<Vec<_>>()
        };
        let event = [":event-type=messageStop", ":content-type=application/json", ":message-type=event"];
        assert_eq!(names(&read()), event);
        let exception = [
            ":exception-type=throttlingException",
            ":content-type=application/json",
            ":message-type=exception",
        ];
        assert_eq!(names(&read()), exception);
    }
}
