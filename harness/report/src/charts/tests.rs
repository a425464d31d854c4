use super::*;
use crate::charts::drawing::{Shape, text_width};
use crate::fixture::Fixture;
use crate::{ReportError, write_all};

fn fixtures() -> [Fixture; 6] {
    [
        Fixture::rough_run(),
        Fixture::passing_run(),
        Fixture::empty_run(),
        Fixture::hostile_run(),
        Fixture::wide_run(),
        Fixture::one_change_run(),
    ]
}

/// Checks that every tag is closed and no stray `<` or `&` stands in the text.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some((text, tail)) = rest.split_once('<') {
        for after in text.split('&').skip(1) {
            assert!(
                ["lt;", "gt;", "amp;", "quot;", "apos;"].iter().any(|e| after.starts_with(e)),
                "&{after}"
            );
        }
        let (tag, tail) = tail.split_once('>').expect("a tag ends");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes pair in <{tag}>");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap().to_owned());
        }
        rest = tail;
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

#[test]
fn every_chart_is_well_formed_svg_with_a_title() {
    for fixture in fixtures() {
        for chart in Chart::ALL {
            let svg = chart.svg(fixture.input());
            assert!(svg.starts_with("<svg ") && svg.contains("<title>"));
            assert!(!svg.contains("<script"));
            assert!(!svg.contains("NaN") && !svg.contains("inf "), "{chart:?}");
            assert_well_formed(&svg);
        }
    }
}

#[test]
fn every_chart_is_a_png() {
    let fixture = Fixture::rough_run();
    for chart in Chart::ALL {
        let bytes = chart.png(fixture.input()).unwrap();
        let mut reader = png::Decoder::new(&bytes[..]).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, 2000);
        assert!(pixels.iter().any(|byte| *byte < 128), "something is drawn");
        assert!(pixels[..6].iter().all(|byte| *byte == 255), "on white");
    }
}

fn texts(drawing: &Drawing) -> Vec<(f64, f64, f64, &str)> {
    drawing
        .shapes
        .iter()
        .filter_map(|shape| match shape {
            Shape::Text { at, align, size, text, .. } => {
                let width = text_width(text, *size);
                let left = match align {
                    drawing::Align::Start => at.0,
                    drawing::Align::Middle => at.0 - width / 2.0,
                    drawing::Align::End => at.0 - width,
                };
                Some((left, left + width, at.1, text.as_str()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn no_label_leaves_the_picture_or_touches_another() {
    for fixture in fixtures() {
        for (chart, format) in Chart::ALL
            .into_iter()
            .flat_map(|c| [Format::File, Format::PageWide, Format::PageNarrow].map(|f| (c, f)))
        {
            let drawing = chart.drawing(fixture.input(), format);
            let texts = texts(&drawing);
            for (n, (left, right, y, text)) in texts.iter().enumerate() {
                assert!(*left >= 0.0 && *right <= drawing.width, "{chart:?} {format:?}: `{text}` is clipped");
                assert!(*y > 5.0 && *y < drawing.height - 5.0, "{chart:?} {format:?}: `{text}` at {y}");
                for (other_left, other_right, other_y, other) in &texts[n + 1..] {
                    let is_apart = right <= other_left || other_right <= left || (y - other_y).abs() >= 9.5;
                    assert!(is_apart, "{chart:?} {format:?}: `{text}` and `{other}` overlap");
                }
            }
        }
    }
}

#[test]
fn the_latency_chart_names_faults_phases_and_gates() {
    let fixture = Fixture::rough_run();
    let drawing = Chart::Latency.drawing(fixture.input(), Format::PageWide);
    let texts: Vec<&str> = texts(&drawing).into_iter().map(|text| text.3).collect();
    for wanted in ["jitter", "split", "steady", "recovery", "p99 < 500 ms: failed", "p99 < 300 ms: held"] {
        assert!(texts.contains(&wanted), "{wanted} in {texts:?}");
    }
}

#[test]
fn the_page_and_the_files_are_the_same_each_time() {
    let fixture = Fixture::rough_run();
    for chart in Chart::ALL {
        assert_eq!(chart.svg(fixture.input()), chart.svg(fixture.input()), "{chart:?}");
    }
}

#[test]
fn wide_and_narrow_charts_have_the_same_plots() {
    for fixture in fixtures() {
        for chart in Chart::ALL {
            let plots = |format| {
                let drawing = chart.drawing(fixture.input(), format);
                let hovers: Vec<(usize, usize)> =
                    drawing.hovers.iter().map(|hover| (hover.plot, hover.points.len())).collect();
                let opened = drawing.shapes.iter().filter(|shape| matches!(shape, Shape::Open(_))).count();
                let closed = drawing.shapes.iter().filter(|shape| matches!(shape, Shape::Close)).count();
                assert_eq!(opened, closed, "{chart:?}");
                (hovers, opened)
            };
            assert_eq!(plots(Format::PageWide), plots(Format::PageNarrow), "{chart:?}");
        }
    }
}

#[test]
fn what_the_pointer_says_lies_on_the_axis_in_order() {
    let fixture = Fixture::rough_run();
    for chart in Chart::ALL {
        for hover in chart.drawing(fixture.input(), Format::PageWide).hovers {
            assert!(hover.points.is_sorted_by(|a, b| a.0 <= b.0), "{chart:?}");
            assert!(hover.points.iter().all(|(at, text)| at.is_finite() && !text.is_empty()), "{chart:?}");
        }
    }
}

fn texts_of(chart: Chart, fixture: &Fixture) -> Vec<String> {
    let drawing = chart.drawing(fixture.input(), Format::PageWide);
    texts(&drawing).into_iter().map(|text| text.3.to_owned()).collect()
}

#[test]
fn the_heatmap_takes_the_quantile_that_its_cells_can_tell_and_stripes_the_others() {
    let fixture = Fixture::rough_run();
    let texts = texts_of(Chart::Heatmap, &fixture);
    assert!(texts.contains(&"end-to-end p99".to_owned()), "{texts:?}");
    assert!(texts.contains(&"T-all p50".to_owned()), "only 40 changes a phase: {texts:?}");
    assert!(texts.contains(&"n too small".to_owned()) && texts.contains(&"n 8,400".to_owned()), "{texts:?}");
}

#[test]
fn the_raster_names_the_paths_that_occur_and_says_what_was_left_out() {
    let texts = texts_of(Chart::Raster, &Fixture::rough_run());
    for wanted in
        ["push", "long-poll wake", "push retry", "re-list after reconnect", "not within the time-out"]
    {
        assert!(texts.iter().any(|text| text == wanted), "{wanted} in {texts:?}");
    }
    assert!(!texts.iter().any(|text| text == "cache"));
    assert!(texts.iter().any(|text| text == "Evenly thinned: 105 of 2,100 watchers, 200 of 200 changes."));
}

#[test]
fn every_part_has_a_line_and_an_unknown_memory_has_none() {
    let mut fixture = Fixture::rough_run();
    for sample in &mut fixture.parts {
        sample.rss_bytes = None;
    }
    fixture.harness.clear();
    let texts = texts_of(Chart::Resources, &fixture);
    assert!(texts.contains(&"nacos-0".to_owned()) && texts.contains(&"toxiproxy".to_owned()), "{texts:?}");
    assert!(!texts.iter().any(|text| text.contains("memory") || text == "harness"), "{texts:?}");
}

#[test]
fn what_servers_tell_has_rows_of_its_own_and_silence_breaks_its_lines() {
    let fixture = Fixture::rough_run();
    let texts = texts_of(Chart::Resources, &fixture);
    for row in ["heap in use, in MiB", "pauses for garbage collection, in ms of each second"] {
        assert!(texts.contains(&row.to_owned()), "{texts:?}");
    }
    let texts = texts_of(Chart::Gauges, &fixture);
    for row in ["gRPC connections", "long polls held", "publishes, per second", "tasks and calls that wait"] {
        assert!(texts.contains(&row.to_owned()), "{texts:?}");
    }
    assert!(!texts.contains(&"harness".to_owned()) && !texts.contains(&"toxiproxy".to_owned()), "{texts:?}");
    let lines = |fixture: &Fixture| {
        let drawing = Chart::Gauges.drawing(fixture.input(), Format::PageWide);
        drawing
            .shapes
            .iter()
            .filter(|shape| matches!(shape, Shape::Line { width, .. } if *width == 1.75))
            .count()
    };
    let mut short = Fixture::rough_run();
    short.parts.retain(|sample| sample.at.as_secs_f64() < 60.0);
    assert_eq!(
        (lines(&short), lines(&fixture)),
        (5, 10),
        "the silence from 60 s to 66 s breaks each line in two"
    );
    assert!(Chart::Gauges.why_empty(Fixture::empty_run().input()).is_some());
}

#[test]
fn a_gap_outside_the_policy_is_a_cross() {
    let fixture = Fixture::rough_run();
    let svg = Chart::Reconnect.svg(fixture.input());
    assert!(svg.contains("a gap outside it"));
}

#[test]
fn a_client_that_spins_does_not_bloat_the_chart() {
    let mut fixture = Fixture::rough_run();
    let gap = fixture.series.gaps[0];
    fixture.series.gaps =
        (2..20_000).map(|attempt| shakedown_check::result::GapPoint { attempt, ..gap }).collect();
    let svg = Chart::Reconnect.svg(fixture.input());
    assert!(svg.matches("h0").count() < 2_000);
    let drawing = Chart::Reconnect.drawing(fixture.input(), Format::PageWide);
    assert!(texts(&drawing).iter().any(|text| text.3 == "10,000"), "the axis is logarithmic");
}

/// Set `SHAKEDOWN_REPORT_LOOK` to a folder to keep what this test writes, for every fixture, and look at it.
#[test]
fn all_files_are_written_and_none_is_left_partial() {
    let temporary = tempfile::tempdir().unwrap();
    let look = std::env::var_os("SHAKEDOWN_REPORT_LOOK");
    let shown = if look.is_some() { 6 } else { 1 };
    let root = look.map_or_else(|| temporary.path().to_owned(), Into::into);
    for (name, fixture) in
        ["rough", "passing", "empty", "hostile", "wide", "one-change"].into_iter().zip(fixtures()).take(shown)
    {
        let run = shakedown_record::RunDir::create(&root, name).unwrap();
        run.write_manifest(&fixture.manifest).unwrap();
        run.write_plan(&fixture.plan, "shakedown: 1\n").unwrap();
        for window in &fixture.faults {
            run.append_fault(window).unwrap();
        }
        for sample in &fixture.parts {
            run.append_part_sample(sample).unwrap();
        }
        for sample in &fixture.harness {
            run.append_self_sample(sample).unwrap();
        }
        let written = write_all(&run, &fixture.judgement, &fixture.series).unwrap();
        assert_eq!(written.charts.len(), 2 * Chart::ALL.len());
        let texts = [&written.report, &written.junit, &written.summary, &written.markdown];
        for path in written.charts.iter().chain(texts).chain(&written.histograms) {
            assert!(std::fs::metadata(path).unwrap().len() > 100, "{}", path.display());
        }
        let partial = std::fs::read_dir(run.charts_dir()).unwrap();
        assert!(partial.flatten().all(|entry| !entry.file_name().to_string_lossy().ends_with(".partial")));
    }
}

#[test]
fn a_directory_without_a_plan_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let run = shakedown_record::RunDir::create(temporary.path(), "r").unwrap();
    let fixture = Fixture::empty_run();
    run.write_manifest(&fixture.manifest).unwrap();
    let error = write_all(&run, &fixture.judgement, &fixture.series).unwrap_err();
    assert!(matches!(error, ReportError::RunDir(_)) && error.to_string().contains("plan.json"), "{error}");
}

#[test]
fn a_verdict_of_another_form_is_refused_with_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    let run = shakedown_record::RunDir::create(temporary.path(), "r").unwrap();
    let mut fixture = Fixture::empty_run();
    run.write_manifest(&fixture.manifest).unwrap();
    run.write_plan(&fixture.plan, "shakedown: 1\n").unwrap();
    fixture.judgement.format = 1;
    let error = write_all(&run, &fixture.judgement, &fixture.series).unwrap_err().to_string();
    assert!(error.contains("verdict.json` has form 1") && error.contains("shakedown check"), "{error}");
    assert!(!run.report_path().exists());
}
