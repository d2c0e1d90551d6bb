//! SVG with readable labels, light enough for a repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::site::text::escape;

const WIDTH: f64 = 760.0;
const ROW: f64 = 24.0;
const LABEL: f64 = 230.0;
const LABEL_CHARS: usize = 30;
const COLOURS: [&str; 5] = ["#1f6fb4", "#c8590f", "#1b7f4d", "#8a4fb5", "#9a6b00"];

/// Horizontal bars with their values beside them.
pub fn bars(measure: &str, bars: &[(String, f64)]) -> String {
    let height = 34.0 + ROW * bars.len() as f64 + 6.0;
    let most = bars
        .iter()
        .map(|(_, value)| value.abs())
        .fold(0.0, f64::max);
    let room = WIDTH - LABEL - 110.0;
    let mut svg = begin(height, measure);
    for (index, (label, value)) in bars.iter().enumerate() {
        let y = 34.0 + ROW * index as f64;
        let length = if most > 0.0 {
            value.abs() / most * room
        } else {
            0.0
        };
        let colour = if *value < 0.0 { COLOURS[1] } else { COLOURS[0] };
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABEL:.0}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\" fill=\"#555\">{}</text>",
            LABEL - 8.0,
            y + 12.5,
            escape(&cut(label)),
            y,
            LABEL + length + 6.0,
            y + 12.5,
            short(*value),
        );
    }
    svg + "</svg>\n"
}

/// Lines over years, named at the right in the order of their sums.
pub fn lines(measure: &str, time: &str, lines: &[(String, BTreeMap<i64, f64>)]) -> String {
    const HEIGHT: f64 = 330.0;
    let (left, top, right, bottom) = (70.0, 40.0, 560.0, HEIGHT - 34.0);
    let years = || lines.iter().flat_map(|(_, line)| line.keys().copied());
    let (first, last) = (years().min().unwrap_or(0), years().max().unwrap_or(0));
    let values = || lines.iter().flat_map(|(_, line)| line.values().copied());
    let (least, most) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let span = ((last - first) as f64).max(1.0);
    let range = if most > least { most - least } else { 1.0 };
    let x = |year: i64| left + (year - first) as f64 / span * (right - left);
    let y = |value: f64| bottom - (value - least) / range * (bottom - top);
    let mut svg = begin(HEIGHT, &format!("{measure} by {time}"));
    for step in 0..=4 {
        let value = least + range * f64::from(step) / 4.0;
        let at = y(value);
        let _ = writeln!(
            svg,
            "<path d=\"M{left:.0} {at:.1}H{right:.0}\" stroke=\"#ddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
            left - 8.0,
            at + 4.0,
            short(value),
        );
    }
    let every = ((last - first) / 8).max(1);
    for year in (first..=last).filter(|year| (year - first) % every == 0) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#555\">{year}</text>",
            x(year),
            bottom + 20.0,
        );
    }
    for (index, (label, line)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<String> = line
            .iter()
            .map(|(year, value)| format!("{:.1},{:.1}", x(*year), y(*value)))
            .collect();
        let at = top + 14.0 + 22.0 * index as f64;
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"/>\
             <rect x=\"{:.0}\" y=\"{:.0}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            points.join(" "),
            right + 14.0,
            at - 6.0,
            right + 34.0,
            at,
            escape(&cut_to(label, 22)),
        );
        // A line of one point would not be seen.
        for (year, value) in line.iter().filter(|_| line.len() < 3) {
            let (x, y) = (x(*year), y(*value));
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
            );
        }
    }
    svg + "</svg>\n"
}

fn begin(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"{WIDTH:.0}\" height=\"{height:.0}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"20\" font-size=\"13\" font-weight=\"bold\">{}</text>\n",
        escape(title)
    )
}

fn cut(label: &str) -> String {
    cut_to(label, LABEL_CHARS)
}

fn cut_to(label: &str, chars: usize) -> String {
    match label.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &label[..end]),
        None => label.to_owned(),
    }
}

/// `1.23 M`: a value beside a bar.
fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " bn"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}
