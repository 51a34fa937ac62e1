//! A plot of a run, as SVG: what waits, what runs and what is wanted, over time.

use super::Moment;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const SIZE: (u32, u32) = (900, 400);

/// A name, a colour, and what of a moment is drawn.
type Line = (&'static str, RGBColor, fn(&Moment) -> u64);

/// Draws it.
pub fn draw(path: &Path, title: &str, moments: &[Moment]) -> Result<(), Box<dyn Error>> {
    let last = moments.last().map_or(1, |moment| moment.at);
    let highest = moments.iter().map(|moment| moment.queued.max(moment.running).max(moment.wanted)).max().unwrap_or(1);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..minutes(last), 0..highest.max(1))?;
    chart.configure_mesh().disable_mesh().x_desc("minutes").y_desc("jobs, runners").draw()?;
    let lines: [Line; 3] =
        [("queued", RED, |moment| moment.queued), ("running", BLUE, |moment| moment.running), ("wanted", BLACK, |moment| moment.wanted)];
    for (name, colour, of) in lines {
        let points = moments.iter().map(|moment| (minutes(moment.at), of(moment)));
        chart
            .draw_series(LineSeries::new(points, colour))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour));
    }
    chart.configure_series_labels().border_style(BLACK).background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a picture")]
fn minutes(millis: u64) -> f64 {
    millis as f64 / 60_000.0
}
