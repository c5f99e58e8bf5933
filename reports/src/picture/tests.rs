use super::*;
use crate::{chart::charts, run_file::RunFile, synthetic, tally::View};

fn svg(run: &RunFile, id: &str) -> String {
    let chart = charts(&View::new(run)).into_iter().find(|chart| chart.id == id).expect("the chart");
    svg::write(&chart, &draw(&chart, Setting::Page))
}

/// Tags must nest, or a browser shows something else than was meant.
fn well_formed(svg: &str) -> bool {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1).map(|rest| &rest[..rest.find('>').expect("a tag ends")]) {
        match tag.strip_prefix('/') {
            Some(name) => {
                if open.pop() != Some(name) {
                    return false;
                }
            }
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().expect("a name")),
        }
    }
    open.is_empty()
}

#[test]
fn the_goodput_chart_looks_as_it_did() {
    insta::assert_snapshot!(svg(&synthetic::usual(), "goodput").replace("><", ">\n<"));
}

#[test]
fn every_chart_is_whole_svg_with_title_and_description_and_stays_on_its_sheet() {
    for chart in charts(&View::new(&synthetic::usual())) {
        let picture = draw(&chart, Setting::Page);
        let text = svg::write(&chart, &picture);
        assert!(well_formed(&text), "{}", chart.id);
        assert!(text.contains("<title ") && text.contains("<desc "), "{}", chart.id);
        assert!(!text.contains("NaN") && !text.contains("inf\""), "{}", chart.id);
        for shape in &picture.shapes {
            for (x, y) in corners(shape) {
                let inside = (0.0..=picture.width).contains(&x) && (0.0..=picture.height).contains(&y);
                assert!(inside, "{}: {shape:?}", chart.id);
            }
        }
    }
}

fn corners(shape: &Shape) -> Vec<At> {
    match shape {
        Shape::Rect { at, size, .. } | Shape::Bar { at, size, .. } => {
            vec![*at, (at.0 + size.0, at.1 + size.1)]
        }
        Shape::Rule { from, to, .. } => vec![*from, *to],
        Shape::Path { points, .. } | Shape::Area { points, .. } | Shape::Loss { points } => points.clone(),
        Shape::Marker { at, .. } => vec![*at],
        Shape::Text { at, text, anchor, size, .. } => {
            let width = width_of(text, *size) * 0.9;
            let from = match anchor {
                Anchor::Start => at.0,
                Anchor::Middle => at.0 - width / 2.0,
                Anchor::End => at.0 - width,
            };
            vec![(from.max(0.0), at.1), (from + width, at.1)]
        }
    }
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let mut run = synthetic::usual();
    run.strategies[0].name = "</title><script>alert(1)</script>\"'&\u{202e}\u{7}🚀".to_owned();
    run.phases[0].name = "<b>".to_owned();
    run.faults[0].name = "]]>--><!--".to_owned();
    let mut seen = 0;
    for chart in charts(&View::new(&run)) {
        let text = svg::write(&chart, &draw(&chart, Setting::Page));
        assert!(well_formed(&text), "{}", chart.id);
        assert!(!text.contains("<script") && !text.contains("<b>") && !text.contains("<!--"), "{}", chart.id);
        assert!(!text.contains('\u{202e}') && !text.contains('\u{7}'), "{}", chart.id);
        seen += usize::from(text.contains("&lt;/title&gt;"));
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn nothing_that_a_run_file_may_hold_breaks_the_layout() {
    let mut run = synthetic::usual();
    run.phases[2].to_s = 1e300;
    for cell in &mut run.cells {
        cell.series.bucket_s = 1e290;
        cell.series.good[3] = u32::MAX;
        cell.series.attempts[3] = u32::MAX;
        cell.phases[1].cost_usd = Some(1e308);
        cell.pools[0].name = "x".repeat(10_000);
    }
    for chart in charts(&View::new(&run)) {
        let text = svg::write(&chart, &draw(&chart, Setting::Alone));
        assert!(!text.contains("NaN") && !text.contains("inf\""), "{}", chart.id);
    }
}

#[test]
fn every_chart_is_a_png_of_its_size_that_is_not_blank() {
    for chart in charts(&View::new(&synthetic::usual())) {
        let picture = draw(&chart, Setting::Alone);
        let bytes = png::write(&picture).expect("draws");
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a PNG");
        let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
        let frame = reader.next_frame(&mut rgb).expect("pixels");
        assert_eq!(
            (frame.width, frame.height),
            (1_720, (picture.height * 2.0).ceil() as u32),
            "{}",
            chart.id
        );
        let inked = rgb.chunks(3).filter(|pixel| pixel.iter().any(|part| *part < 0xd0)).count();
        assert!(inked > 5_000, "{}: {inked}", chart.id);
    }
}
