//! Pictures as PNG, by plotters with a face that comes with the program: no system fonts, no C libraries. Twice the
//! picture's own measure, which suits slides and pull requests on dense screens.

use std::sync::OnceLock;

use plotters::{
    backend::{BitMapBackend, DrawingBackend},
    style::{
        Color as _, FontStyle, FontTransform, RGBAColor, TextStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{Anchor, At, Look, Picture, Shape, THEMES, Theme, Tone, palette};
use crate::chart::Ink;

const SCALE: f64 = 2.0;
/// Pixels along each side; a larger picture would not be looked at as one.
const SIDE_MAX: f64 = 16_000.0;
const FACE: &str = "sans-serif";
const MARK: f64 = 3.4;
/// Lengths below this are none.
const NEAR: f64 = 1e-6;

#[derive(Debug, thiserror::Error)]
pub enum PngError {
    #[error("the picture is {0} pixels high, more than {SIDE_MAX}")]
    TooLarge(u32),
    #[error("the bundled font cannot be read")]
    Font,
    #[error("cannot draw: {0}")]
    Draw(String),
    #[error("cannot encode: {0}")]
    Encode(#[from] png::EncodingError),
}

/// The bytes of a PNG file, in the light theme.
pub fn write(picture: &Picture) -> Result<Vec<u8>, PngError> {
    register()?;
    let [width, height] = [picture.width, picture.height].map(|side| (side * SCALE).ceil());
    if height > SIDE_MAX {
        return Err(PngError::TooLarge(height as u32));
    }
    let (width, height) = (width as u32, height as u32);
    let theme = &THEMES[0];
    let mut buffer: Vec<u8> = theme.background.repeat((width * height) as usize);
    let mut canvas = Canvas { backend: BitMapBackend::with_buffer(&mut buffer, (width, height)), theme };
    for shape in &picture.shapes {
        canvas.draw(shape)?;
    }
    drop(canvas);
    encode(&buffer, (width, height))
}

fn register() -> Result<(), PngError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| register_font(FACE, FontStyle::Normal, dejavu::sans::regular()).is_ok());
    if *done { Ok(()) } else { Err(PngError::Font) }
}

fn encode(rgb: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, PngError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    writer.finish()?;
    Ok(bytes)
}

struct Canvas<'a> {
    backend: BitMapBackend<'a>,
    theme: &'a Theme,
}

type Pixel = (i32, i32);

fn pixel((x, y): At) -> Pixel {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

fn colour([r, g, b]: palette::Rgb, alpha: f64) -> RGBAColor {
    RGBAColor(r, g, b, alpha)
}

impl Canvas<'_> {
    fn draw(&mut self, shape: &Shape) -> Result<(), PngError> {
        match shape {
            Shape::Rect { at, size, tone } => self.fill_box(*at, *size, colour(self.tone(*tone), 1.0)),
            Shape::Bar { at, size, ink } => self.fill_box(*at, *size, self.ink(*ink, 1.0)),
            Shape::Rule { from, to, tone } => {
                let style = colour(self.tone(*tone), 1.0);
                self.done(|backend| backend.draw_line(pixel(*from), pixel(*to), &style))
            }
            Shape::Path { points, ink, thin } => self.path(points, *ink, *thin),
            Shape::Area { points, ink } => self.fill(points, self.ink(*ink, 0.45)),
            Shape::Loss { points } => self.fill(points, colour(self.theme.loss, 0.75)),
            Shape::Marker { at, ink, thin } => match Look::of(*ink).marker {
                Some(marker) => self.fill(&palette::corners(marker, *at, MARK), self.ink(*ink, alpha(*thin))),
                None => Ok(()),
            },
            Shape::Text { at, text, anchor, size, tone } => self.text(*at, text, (*anchor, *size, *tone)),
        }
    }

    fn tone(&self, tone: Tone) -> palette::Rgb {
        let theme = self.theme;
        match tone {
            Tone::Text => theme.text,
            Tone::Muted => theme.muted,
            Tone::Axis => theme.axis,
            Tone::Grid => theme.grid,
            Tone::Phase => theme.phase,
            Tone::WarmUp => theme.warm_up,
            Tone::Fault => theme.fault,
        }
    }

    fn ink(&self, ink: Ink, alpha: f64) -> RGBAColor {
        colour(Look::of(ink).rgb(self.theme), alpha)
    }

    fn fill_box(&mut self, at: At, size: At, style: RGBAColor) -> Result<(), PngError> {
        let (from, to) = (pixel(at), pixel((at.0 + size.0, at.1 + size.1)));
        self.done(|backend| backend.draw_rect(from, to, &style, true))
    }

    fn fill(&mut self, points: &[At], style: RGBAColor) -> Result<(), PngError> {
        let corners: Vec<Pixel> = points.iter().copied().map(pixel).collect();
        self.done(|backend| backend.fill_polygon(corners, &style))
    }

    /// Each stroke by itself: a polygon around the whole path grows horns where it turns sharply.
    fn path(&mut self, points: &[At], ink: Ink, thin: bool) -> Result<(), PngError> {
        let style = self.ink(ink, alpha(thin)).stroke_width(3);
        let dash = if matches!(ink, Ink::Part(_)) { &[] } else { Look::of(ink).dash };
        for (from, to) in strokes(points, dash) {
            let (from, to) = (pixel(from), pixel(to));
            if from != to {
                self.done(|backend| backend.draw_line(from, to, &style))?;
            }
        }
        Ok(())
    }

    fn text(
        &mut self,
        at: At,
        text: &str,
        (anchor, size, tone): (Anchor, f64, Tone),
    ) -> Result<(), PngError> {
        let h_pos = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        // Sizes of ab_glyph are line heights, those of SVG are of the em square.
        let font = (FACE, size * SCALE * 1.12);
        let tone = colour(self.tone(tone), 1.0);
        let style = TextStyle::from(font)
            .color(&tone)
            .pos(Pos::new(h_pos, VPos::Bottom))
            .transform(FontTransform::None);
        // SVG stands on the base line, plotters on the bottom of the descenders.
        let at = pixel((at.0, at.1 + size * 0.26));
        self.done(|backend| backend.draw_text(text, &style, at))
    }

    fn done<E: std::fmt::Display>(
        &mut self,
        draw: impl FnOnce(&mut BitMapBackend<'_>) -> Result<(), E>,
    ) -> Result<(), PngError> {
        draw(&mut self.backend).map_err(|error| PngError::Draw(error.to_string()))
    }
}

/// What says little is drawn pale.
fn alpha(thin: bool) -> f64 {
    if thin { 0.3 } else { 1.0 }
}

/// A path cut into its strokes; whole segments where it is not dashed.
fn strokes(points: &[At], dash: palette::Dash) -> Vec<(At, At)> {
    let segments = points.windows(2).map(|pair| (pair[0], pair[1]));
    if dash.is_empty() {
        return segments.collect();
    }
    let mut strokes = Vec::new();
    let (mut place, mut left) = (0, dash[0]);
    for ((x, y), (to_x, to_y)) in segments {
        let length = (to_x - x).hypot(to_y - y);
        let at = |gone: f64| (x + (to_x - x) * gone / length, y + (to_y - y) * gone / length);
        let mut gone = 0.0;
        while gone < length {
            let next = (gone + left).min(length);
            if place % 2 == 0 {
                strokes.push((at(gone), at(next)));
            }
            left -= next - gone;
            gone = next;
            // Not zero: what rounding leaves may be too little to move on by.
            if left <= NEAR {
                place = (place + 1) % dash.len();
                left = dash[place];
            }
        }
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_run_on_over_the_corners_of_a_path() {
        let strokes = strokes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 8.0)], &[7.0, 4.0]);
        assert_eq!(strokes, [((0.0, 0.0), (5.0, 0.0)), ((5.0, 0.0), (5.0, 2.0)), ((5.0, 6.0), (5.0, 8.0))]);
    }

    #[test]
    fn dashing_comes_to_an_end_however_the_lengths_round() {
        let points: Vec<At> =
            (0..500).map(|at| (f64::from(at) * 0.1, f64::from(at * 37 % 11) / 3.0)).collect();
        for dash in [&[7.0, 4.0] as palette::Dash, &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0]] {
            assert!(strokes(&points, dash).len() < 1_500);
        }
    }

    #[test]
    fn a_picture_that_nobody_could_look_at_is_refused() {
        let picture = Picture { width: 100.0, height: 1e6, shapes: Vec::new() };
        assert!(matches!(write(&picture), Err(PngError::TooLarge(_))));
    }
}
