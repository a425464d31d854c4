// What the page adds where scripts run: values under the pointer, zoom along time, groups hidden.
// It only changes what is in the page: charts (charts/svg.rs has the markup) and the data block `#report-data`.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const numbers = (text) => text.split(" ").map(Number);
  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // Each chart's SVG with its plots: {box: [left, top, right, bottom], values: [low, high], isTime, nth, g}.
  const charts = [...document.querySelectorAll(".chart svg")].map((svg, index) => {
    const plots = [...svg.querySelectorAll("g.plot, g.ticks")].map((g) => ({
      g,
      nth: Number(g.dataset.nth),
      isTicks: g.classList.contains("ticks"),
      isTime: "time" in g.dataset,
      box: numbers(g.dataset.box),
      values: numbers(g.dataset.x),
      group: g.closest("[data-group]")?.dataset.group,
      isHeader: !g.closest("g.row, g.cell"),
      shapes: [...g.querySelectorAll("path, text")].map((shape) => ({
        shape,
        path: shape.getAttribute("d"),
        x: Number(shape.getAttribute("x")),
        bar: shape.previousElementSibling?.getAttribute("d")?.match(/^M(-?[\d.]+) [\d.]+H(-?[\d.]+)V/)?.slice(1).map(Number),
      })),
    }));
    const box = svg.viewBox.baseVal;
    const line = document.createElementNS(SVG, "line");
    line.setAttribute("class", "pointer");
    const band = document.createElementNS(SVG, "rect");
    band.setAttribute("class", "band");
    svg.append(band, line);
    const hovers = new Map((data.hovers[svg.closest("section").id] ?? []).map((hover) => [hover.plot, hover]));
    return { svg, index, plots, line, band, hovers, width: box.width, height: box.height };
  });

  let view = null; // [from, until] in seconds, or null for the whole run
  const hidden = new Set(); // groups, as texts

  const span = (plot) => (plot.isTime && view ? view : plot.values);
  const valueAt = (plot, x) => {
    const [low, high] = span(plot);
    return low + ((x - plot.box[0]) / (plot.box[2] - plot.box[0])) * (high - low);
  };
  const placeOf = (plot, value) => {
    const [low, high] = span(plot);
    return plot.box[0] + ((value - low) / (high - low)) * (plot.box[2] - plot.box[0]);
  };

  // Zoom: every path and text of a time plot is moved from where it was drawn to where the view has it.

  const clipped = (chart, plot) => {
    const id = `clip-${chart.index}-${plot.nth}`;
    if (!chart.svg.querySelector(`#${id}`)) {
      const clip = document.createElementNS(SVG, "clipPath");
      clip.id = id;
      const rect = document.createElementNS(SVG, "rect");
      const [left, top, right, bottom] = plot.box;
      for (const [name, value] of Object.entries({ x: left, y: top - 2, width: right - left, height: bottom - top + 4 })) {
        rect.setAttribute(name, value);
      }
      clip.append(rect);
      chart.svg.prepend(clip);
    }
    return `url(#${id})`;
  };

  const moved = (path, to) =>
    path.replace(/([ML])(-?[\d.]+)|H(-?[\d.]+)/g, (_, command, x, across) =>
      command ? command + to(Number(x)) : "H" + to(Number(across)));

  const drawPlot = (chart, plot) => {
    const [low, high] = plot.values;
    const [left, , right] = plot.box;
    const original = (x) => low + ((x - left) / (right - left)) * (high - low);
    const to = (x) => Math.round(Math.max(-4000, Math.min(8000, placeOf(plot, original(x)))) * 10) / 10;
    // A fault's name stays in sight as long as its bar is.
    const nameOf = (bar, x) => (to(bar[0]) < right && to(bar[1]) > left ? Math.max(to(x), left + 4) : to(x));
    for (const { shape, path, x, bar } of plot.shapes) {
      if (path !== null) {
        shape.setAttribute("d", view ? moved(path, to) : path);
        if (view) shape.setAttribute("clip-path", clipped(chart, plot));
        else shape.removeAttribute("clip-path");
      } else if (x >= left - 1) {
        const at = !view ? x : plot.isHeader && bar ? nameOf(bar, x) : to(x);
        shape.setAttribute("x", at);
        shape.style.display = at < left - 1 || at > right + 1 ? "none" : "";
      }
    }
  };

  const drawTicks = (plot) => {
    plot.g.querySelectorAll(".zoomed").forEach((tick) => tick.remove());
    for (const { shape } of plot.shapes) shape.style.display = view ? "none" : "";
    const template = plot.shapes.find(({ path }) => path === null)?.shape;
    if (!view || !template) return;
    const [from, until] = view;
    const rough = ((until - from) * 90) / (plot.box[2] - plot.box[0]);
    const decade = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * decade).find((s) => s >= rough * 0.999);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    for (let n = Math.ceil(from / step); n * step <= until; n += 1) {
      const tick = template.cloneNode();
      tick.setAttribute("class", "zoomed");
      tick.setAttribute("text-anchor", "middle");
      tick.setAttribute("x", placeOf(plot, n * step).toFixed(1));
      tick.style.display = "";
      tick.textContent = (n * step).toFixed(digits);
      plot.g.append(tick);
    }
  };

  const zoom = (from, until) => {
    const whole = from === undefined;
    view = whole ? null : [Math.max(0, from), Math.min(data.end, Math.max(until, from + 0.05))];
    for (const chart of charts) {
      for (const plot of chart.plots.filter((plot) => plot.isTime)) {
        if (plot.isTicks) drawTicks(plot);
        else drawPlot(chart, plot);
      }
    }
    for (const button of document.querySelectorAll(".tools [data-from]")) {
      const isShown = view && Number(button.dataset.from) === from && Number(button.dataset.until) === until;
      button.setAttribute("aria-pressed", String(Boolean(isShown)));
    }
    document.querySelector(".tools [data-whole]")?.setAttribute("aria-pressed", String(whole));
    unpoint();
  };

  // Groups: a row that is hidden makes room for what lies below it.

  const showGroups = () => {
    for (const chart of charts) {
      let up = 0;
      for (const child of chart.svg.children) {
        if (child.matches("g.row[data-group]") && hidden.has(child.dataset.group)) {
          const [from, until] = numbers(child.dataset.y);
          child.style.display = "none";
          up += until - from;
          continue;
        }
        if (child === chart.line || child === chart.band || child.nodeName === "clipPath") continue;
        child.style.display = child.matches("g.cell") && hidden.has(child.dataset.group) ? "none" : "";
        if (up > 0) child.setAttribute("transform", `translate(0 ${-up})`);
        else child.removeAttribute("transform");
        child.querySelectorAll(".plot").forEach((g) => { g.dataset.up = up; });
      }
      chart.svg.setAttribute("viewBox", `0 0 ${chart.width} ${chart.height - up}`);
    }
  };

  // Values under the pointer.

  const tip = element("div", "tip");
  tip.hidden = true;
  document.body.append(tip);

  const locate = (chart, event) => {
    const shown = chart.svg.getBoundingClientRect();
    const x = ((event.clientX - shown.left) * chart.width) / shown.width;
    const y = ((event.clientY - shown.top) * chart.width) / shown.width;
    const plot = chart.plots.find(({ g, isTicks, box, group }) => {
      const up = Number(g.dataset.up ?? 0);
      return !isTicks && !hidden.has(group) && x >= box[0] && x <= box[2] && y + up >= box[1] && y + up <= box[3];
    });
    return plot && { plot, x, y: y + Number(plot.g.dataset.up ?? 0) };
  };

  const nearest = (points, value) =>
    points.reduce((best, point) => (Math.abs(point[0] - value) < Math.abs(best[0] - value) ? point : best));

  const cellText = (hover, plot, y, point) => {
    const height = plot.box[3] - plot.box[1];
    const row = hover.rows[Math.min(hover.rows.length - 1, Math.floor(((y - plot.box[1]) / height) * hover.rows.length))];
    const [watcher, paths, latencies] = row.split("|");
    const column = hover.points.indexOf(point);
    const name = data.letters[paths[column]] ?? "was not to receive it";
    const latency = latencies.split(",")[column];
    return `watcher ${watcher}: ${name}${latency ? `, ${latency} ms` : ""}`;
  };

  const unpoint = () => {
    tip.hidden = true;
    for (const { line } of charts) line.style.display = "none";
  };

  const point = (chart, event) => {
    const found = locate(chart, event);
    const hover = found && chart.hovers.get(found.plot.nth);
    if (!hover) return unpoint();
    const { plot, x, y } = found;
    const best = nearest(hover.points, valueAt(plot, x));
    const at = placeOf(plot, best[0]);
    if (Math.abs(at - x) > 60) return unpoint();
    const lines = [best[1]];
    if (plot.isTime) lines.unshift(`${best[0].toFixed(1)} s`);
    if (hover.rows) lines.push(cellText(hover, plot, y, best));
    tip.textContent = lines.join("\n");
    tip.hidden = false;
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, room))}px`;
    const below = event.clientY + 18;
    const isLow = below + tip.offsetHeight > window.innerHeight;
    tip.style.top = `${isLow ? event.clientY - tip.offsetHeight - 12 : below}px`;
    for (const other of charts) pointLine(other, chart, plot, best[0]);
  };

  // The same instant in every chart over time; elsewhere in the chart itself only.
  const pointLine = (other, chart, plot, value) => {
    const plots = other.plots.filter((p) => !p.isTicks && !hidden.has(p.group) && (plot.isTime ? p.isTime : p === plot));
    const isShown = plots.length > 0 && (plot.isTime || other === chart);
    other.line.style.display = isShown ? "" : "none";
    if (!isShown) return;
    const x = placeOf(plots[0], value);
    const up = (p) => Number(p.g.dataset.up ?? 0);
    const top = Math.min(...plots.map((p) => p.box[1] - up(p)));
    const bottom = Math.max(...plots.map((p) => p.box[3] - up(p)));
    for (const [name, to] of Object.entries({ x1: x, x2: x, y1: top, y2: bottom })) other.line.setAttribute(name, to);
  };

  // A click on a shaded window shows it; dragging shows what was dragged over.

  const faultAt = (seconds) =>
    data.faults.filter(([, from, until]) => from <= seconds && seconds <= until)
      .sort((a, b) => (a[2] - a[1]) - (b[2] - b[1]))[0];
  const around = ([, from, until]) => {
    const room = Math.max((until - from) * 0.15, 0.5);
    return [from - room, until + room];
  };

  let drag = null; // {chart, plot, x}
  const dragTo = (event) => {
    const shown = drag.chart.svg.getBoundingClientRect();
    const x = ((event.clientX - shown.left) * drag.chart.width) / shown.width;
    return Math.max(drag.plot.box[0], Math.min(drag.plot.box[2], x));
  };
  const showBand = (x) => {
    const { chart, plot } = drag;
    const place = { x: Math.min(x, drag.x), width: Math.abs(x - drag.x), y: plot.box[1] - Number(plot.g.dataset.up ?? 0), height: plot.box[3] - plot.box[1] };
    for (const [name, value] of Object.entries(place)) chart.band.setAttribute(name, value);
    chart.band.style.display = "block";
  };

  for (const chart of charts) {
    chart.svg.addEventListener("pointermove", (event) => {
      if (drag) showBand(dragTo(event));
      point(chart, event);
    });
    chart.svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") unpoint(); });
    chart.svg.addEventListener("pointerdown", (event) => {
      point(chart, event); // A finger moves nothing before it touches.
      const found = locate(chart, event);
      if (found?.plot.isTime && event.button === 0) drag = { chart, plot: found.plot, x: found.x };
    });
    chart.svg.addEventListener("dblclick", () => zoom());
  }
  window.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const x = dragTo(event);
    const [from, until] = [drag.x, x].map((edge) => valueAt(drag.plot, edge)).sort((a, b) => a - b);
    const isClick = Math.abs(x - drag.x) < 6;
    drag.chart.band.style.display = "none";
    drag = null;
    const fault = isClick && faultAt(from);
    if (fault) zoom(...around(fault));
    else if (!isClick && event.pointerType === "mouse") zoom(from, until);
  });
  window.addEventListener("pointerdown", (event) => { if (!event.target.closest(".chart svg")) unpoint(); });
  window.addEventListener("pointercancel", () => {
    if (drag) drag.chart.band.style.display = "none";
    drag = null;
  });
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") zoom(); });

  // The tools above the charts.

  const button = (label, className, action) => {
    const made = element("button", className, label);
    made.type = "button";
    made.setAttribute("aria-pressed", "false");
    made.addEventListener("click", action);
    return made;
  };
  const windowButton = (name, className, from, until) => {
    const made = button(name, className, () => zoom(from, until));
    made.dataset.from = from;
    made.dataset.until = until;
    return made;
  };
  const times = element("div", "times");
  times.append(element("span", "label", "Show"));
  const whole = button("whole run", "", () => zoom());
  whole.dataset.whole = "";
  whole.setAttribute("aria-pressed", "true");
  times.append(whole);
  for (const [name, from, until] of data.phases) times.append(windowButton(name, "phase", from, until));
  for (const fault of data.faults) times.append(windowButton(fault[0], "fault", ...around(fault)));
  const tools = element("nav", "tools");
  tools.setAttribute("aria-label", "What the charts show");
  tools.append(times);
  if (data.groups.length > 1) {
    const groups = element("div", "groups");
    groups.append(element("span", "label", "Groups"));
    data.groups.forEach((name, index) => {
      const made = button(name, "group", () => {
        const group = String(index);
        if (!hidden.delete(group)) hidden.add(group);
        made.setAttribute("aria-pressed", String(!hidden.has(group)));
        showGroups();
        unpoint();
      });
      made.setAttribute("aria-pressed", "true");
      groups.append(made);
    });
    tools.append(groups);
  }
  tools.append(element("p", "hint", "Click a shaded window to zoom to it, or drag over a time; Escape shows the whole run."));
  document.querySelector("main").prepend(tools);
})();
