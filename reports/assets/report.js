// What scripts add to a page that can be read without them: zoom, synced cursors, strategies toggled, a choice of theme.
// The numbers are read from the tables that stand below the charts, so there is one copy of them.
(() => {
  "use strict";
  const $ = (tag, props, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const off = new Set();
  const logs = new Set();
  let range = null;
  let plots = [];

  let figures = [];
  // The figures that stand on the page now.
  function gather() {
    figures = [...document.querySelectorAll("figure")].flatMap((figure) => {
      const json = figure.querySelector(".live-data");
      return json ? [{ id: figure.id, figure, live: JSON.parse(json.textContent), rows: null }] : [];
    });
  }

  // Columns of a figure's table: numbers, null where there is none, Infinity for never.
  function columns(one) {
    if (one.rows) return one.rows;
    const read = (text) => (text === "" ? null : text === "never" ? Infinity : Number(text));
    const rows = [...one.figure.querySelector(".numbers tbody").rows];
    const width = rows.length ? rows[0].cells.length : 0;
    one.rows = Array.from({ length: width }, (_, at) => rows.map((row) => read(row.cells[at].textContent.trim())));
    one.thin = Array.from({ length: width }, (_, at) => rows.map((row) => row.cells[at].className === "thin"));
    return one.rows;
  }

  const two = (number) => String(number).padStart(2, "0");
  // Steps that clocks and people use, in seconds.
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 43200, 86400];
  const clock = (s) => {
    const whole = Math.round(s);
    return whole >= 3600
      ? Math.floor(whole / 3600) + ":" + two(Math.floor((whole % 3600) / 60)) + " h"
      : Math.floor(whole / 60) + ":" + two(whole % 60);
  };
  const short = (number) => String(Number(number.toPrecision(3)));
  function shown(unit, number, never) {
    if (number == null) return "-";
    if (never != null && number >= never) return "never";
    if (unit === "share") return short(number) + "%";
    if (unit === "seconds") return number < 1 ? short(number * 1000) + " ms" : short(number) + " s";
    if (unit === "per_second") return short(number) + "/s";
    return short(number);
  }

  // Phases and faults behind the lines.
  const shades = (live) => (u) => {
    const { ctx, bbox } = u;
    ctx.save();
    let phases = 0;
    for (const shade of live.shades) {
      const plain = shade.kind === "phase" && phases % 2 === 1;
      if (shade.kind !== "fault") phases += 1;
      if (plain) continue;
      const place = (at) => Math.min(Math.max(u.valToPos(at, "x", true), bbox.left), bbox.left + bbox.width);
      const [from, to] = [place(shade.from), place(shade.to)];
      ctx.fillStyle = style(shade.kind === "warm_up" ? "warm-up" : shade.kind);
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
    }
    const unit = devicePixelRatio;
    ctx.font = 11 * unit + "px sans-serif";
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.fillStyle = style("muted");
    for (const shade of live.shades) {
      const from = Math.max(u.valToPos(shade.from, "x", true), bbox.left);
      const room = Math.min(u.valToPos(shade.to, "x", true), bbox.left + bbox.width) - from;
      const row = shade.kind === "fault" ? 26 : 13;
      if (room > ctx.measureText(shade.name).width * 0.7 && from < bbox.left + bbox.width) ctx.fillText(shade.name, from + 3 * unit, bbox.top + row * unit);
    }
    ctx.restore();
  };

  // A few markers on each line, at other places for each, so that nobody needs its colour.
  const markers = (panel) => (u) => {
    const { ctx, bbox } = u;
    const size = 3.4 * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - size, bbox.top - size, bbox.width + 2 * size, bbox.height + 2 * size);
    ctx.clip();
    panel.lines.forEach((line, at) => {
      if (!line.marker.length || !u.series[at + 1].show) return;
      const [first, last] = u.series[0].idxs || [0, u.data[0].length - 1];
      const every = Math.max(1, Math.floor((last - first) / 8));
      ctx.fillStyle = style("c" + line.colour);
      for (let i = first + (Math.floor((at * every) / 5) % every); i <= last; i += every) {
        const value = u.data[at + 1][i];
        if (value == null) continue;
        const [x, y] = [u.valToPos(u.data[0][i], "x", true), u.valToPos(value, "y", true)];
        ctx.beginPath();
        for (const [dx, dy] of line.marker) ctx.lineTo(x + dx * size, y + dy * size);
        ctx.fill();
      }
    });
    ctx.restore();
  };

  function data(one, panel, from) {
    const all = columns(one);
    const lines = panel.lines.map((_, at) => all[from + at]);
    const finite = lines.flat().filter((n) => n != null && n !== Infinity);
    const high = finite.length ? Math.max(...finite) : 1;
    // On a logarithmic axis, the power of ten above everything that came.
    const above = logs.has(one.id) ? 10 ** Math.ceil(Math.log10(high * 1.2)) : high * 1.12;
    const never = lines.flat().includes(Infinity) ? above : null;
    let sums = null;
    const series = lines.map((line) => {
      if (!panel.stacked) return line.map((n) => (n === Infinity ? never : n));
      sums = line.map((n, at) => (n || 0) + (sums ? sums[at] : 0));
      return sums;
    });
    return { never, data: [all[0], ...series] };
  }

  // A line's colour, pale between points of which one has too few samples.
  const pale = (thin, ink) => (u) => {
    const { left, width } = u.bbox;
    if (!thin.includes(true) || !(width > 0)) return ink;
    const place = (i) => Math.min(Math.max((u.valToPos(u.data[0][i], "x", true) - left) / width, 0), 1);
    const gradient = u.ctx.createLinearGradient(left, 0, left + width, 0);
    for (let i = 1; i < thin.length; i++) {
      const colour = ink + (thin[i - 1] || thin[i] ? "4d" : "");
      gradient.addColorStop(place(i - 1), colour);
      gradient.addColorStop(place(i), colour);
    }
    return gradient;
  };

  function series(one, panel, from, never) {
    const { unit } = one.live;
    return panel.lines.map((line, at) => {
      const ink = line.colour == null ? style("text") : style("c" + line.colour);
      return {
        label: line.name,
        stroke: pale(one.thin[from + at], ink),
        width: line.colour == null ? 1 : 2,
        dash: line.part ? [] : line.dash,
        fill: panel.stacked && at === 0 ? ink + "73" : undefined,
        show: line.strategy == null || !off.has(line.strategy),
        points: { show: false },
        value: (u, n) => shown(unit, n, never),
      };
    });
  }

  function options(one, panel, from, width, height, never) {
    const { live } = one;
    const log = logs.has(one.id);
    const axis = { stroke: style("muted"), grid: { stroke: style("grid"), width: 1 }, ticks: { stroke: style("axis"), width: 1 } };
    const percent = (n) => (n <= 1 ? "0%" : short(100 * (1 - 1 / n)).replace(/^100$/, "99.9+") + "%");
    const nines = (n) => { const d = Math.round(Math.log10(n)); return d === 0 ? "0%" : d === 1 ? "90%" : d === 2 ? "99%" : "99." + "9".repeat(d - 2) + "%"; };
    const inks = panel.lines.map((line) => style("c" + (line.colour || 0)) + "73");
    return {
      width,
      height,
      legend: { live: true },
      cursor: live.time ? { sync: { key: "time", setSeries: false } } : { sync: { key: "percentile", setSeries: false } },
      scales: {
        x: live.time ? { time: false } : { time: false, distr: 3, log: 10 },
        y: log ? { distr: 3, log: 10, range: (u, low, high) => [10 ** Math.floor(Math.log10(low || 0.001)), (never || 10 ** Math.ceil(Math.log10(high || 1))) * 1.1] } : { range: (u, low, high) => [0, Math.max(high || 1, never || 0) * 1.03] },
      },
      axes: [
        { ...axis, ...(live.time ? { incrs: steps } : {}), values: (u, at) => at.map((n) => (n == null ? "" : live.time ? clock(n) : Math.abs(Math.log10(n) % 1) < 1e-6 ? nines(n) : "")) },
        { ...axis, size: 64, values: (u, at) => at.map((n) => (n == null ? "" : shown(live.unit, n, never))) },
      ],
      series: [
        { label: live.time ? "time" : "percentile", value: (u, n) => (n == null ? "-" : live.time ? clock(n) : percent(n)) },
        ...series(one, panel, from, never),
      ],
      bands: panel.stacked
        ? panel.lines.slice(1).map((_, at) => ({ series: [at + 2, at + 1], fill: inks[at + 1] }))
        : panel.below
          ? panel.lines.slice(1).map((_, at) => ({ series: [at + 2, 1], fill: style("loss") + "99" }))
          : [],
      hooks: {
        drawClear: [shades(live)],
        draw: [markers(panel)],
        setScale: [(u, key) => { if (key === "x" && live.time && u.ready) zoomed(u); }],
      },
    };
  }

  // From the start to the end of the run, or of what was measured of it if that is later.
  function whole() {
    const ends = figures.filter(({ live }) => live.time).flatMap((one) => [
      ...one.live.shades.filter(({ kind }) => kind !== "fault").map(({ to }) => to),
      ...(columns(one)[0] || []).slice(-1),
    ]);
    return [0, Math.max(1, ...ends)];
  }

  function zoomTo(min, max) {
    range = min == null ? null : [min, max];
    const [low, high] = range || whole();
    for (const { plot, one } of plots) if (one.live.time) plot.setScale("x", { min: low, max: high });
  }

  // After a chart was zoomed by hand the others follow. What shows all there is is not zoomed, and grows with a run that goes on.
  function zoomed({ data: [at], scales: { x } }) {
    const all = !at.length || (x.min <= at[0] && x.max >= at[at.length - 1]);
    const [low, high] = all ? whole() : range || [];
    if (x.min === low && x.max === high && all === !range) return;
    all ? zoomTo(null) : zoomTo(x.min, x.max);
  }

  function zoomBy(factor) {
    const timed = plots.find(({ one }) => one.live.time);
    if (!timed) return;
    const [low, high] = whole();
    const [min, max] = range || [low, high];
    const middle = (min + max) / 2;
    const half = ((max - min) / 2) * factor;
    if (2 * half >= high - low) return zoomTo(null);
    const from = Math.min(Math.max(middle - half, low), high - 2 * half);
    zoomTo(from, from + 2 * half);
  }

  function draw(one) {
    one.box && one.box.remove();
    plots = plots.filter((drawn) => drawn.one !== one || (drawn.plot.destroy(), false));
    const { figure, live } = one;
    const many = live.panels.length > 3;
    const panels = $("div", { className: many ? "two" : "" });
    one.box = $("div", { className: "live" }, panels);
    if (live.unit === "seconds") {
      const log = $("button", { type: "button", textContent: "Logarithmic" });
      log.setAttribute("aria-pressed", String(logs.has(one.id)));
      log.onclick = () => { logs.has(one.id) ? logs.delete(one.id) : logs.add(one.id); draw(one); one.box.querySelector("button").focus(); };
      one.box.prepend(log);
    }
    figure.querySelector(".picture").after(one.box);
    figure.classList.add("is-live");
    let from = 1;
    const cells = [];
    for (const panel of live.panels) {
      const first = from;
      from += panel.lines.length;
      if (!panel.lines.length || (panel.strategy != null && off.has(panel.strategy))) continue;
      const cell = $("div", {}, $("h4", { textContent: [panel.title, live.label].filter(Boolean).join(" · ") }));
      panels.append(cell);
      cells.push({ panel, first, cell });
    }
    // Measured once all of them stand there.
    for (const { panel, first, cell } of cells) {
      const width = Math.max(cell.clientWidth, 240);
      const { never, data: numbers } = data(one, panel, first);
      const height = many ? 170 : live.panels.length === 1 ? 320 : 210;
      const plot = new uPlot(options(one, panel, first, width, height, never), numbers, cell);
      plot.ready = true;
      plots.push({ plot, one, cell });
      const [min, max] = range || whole();
      if (live.time) plot.setScale("x", { min, max });
    }
  }

  const drawAll = () => figures.forEach(draw);

  function tools() {
    const bar = document.querySelector(".tools");
    const button = (text, act) => bar.append($("button", { type: "button", textContent: text, onclick: act }));
    const themes = ["auto", "light", "dark"];
    const theme = $("button", { type: "button" });
    const name = () => document.documentElement.dataset.theme || "auto";
    const label = () => { theme.textContent = "Theme: " + name(); };
    theme.onclick = () => {
      const next = themes[(themes.indexOf(name()) + 1) % themes.length];
      if (next === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = next;
      label();
      drawAll();
    };
    label();
    const names = [];
    for (const { live } of figures) for (const panel of live.panels) for (const line of panel.lines) {
      if (line.strategy != null && panel.strategy == null) names[line.strategy] = line;
    }
    const set = $("fieldset", {}, $("legend", { textContent: "Strategies shown" }));
    names.forEach((line, at) => {
      const box = $("input", { type: "checkbox", checked: !off.has(at) });
      const mark = () => document.querySelectorAll(`svg [data-s="${at}"]`).forEach((node) => node.toggleAttribute("data-off", off.has(at)));
      box.onchange = () => {
        box.checked ? off.delete(at) : off.add(at);
        mark();
        drawAll();
      };
      mark();
      const ink = $("i", { className: "c" + line.colour });
      set.append($("label", {}, box, ink, line.name));
    });
    bar.append(set);
    button("Zoom in", () => zoomBy(0.5));
    button("Zoom out", () => zoomBy(2));
    button("Whole run", () => zoomTo(null));
    bar.append(theme);
    bar.hidden = false;
    document.body.classList.add("hides-strategies");
  }

  if (typeof uPlot === "undefined") return;
  gather();
  // For a page that has been given new figures: everything that was chosen stays chosen.
  window.richterRenew = () => {
    plots.forEach(({ plot }) => plot.destroy());
    plots = [];
    gather();
    if (!figures.length) return;
    tools();
    drawAll();
  };
  figures.forEach((one) => { if (one.live.log) logs.add(one.id); });
  if (figures.length) tools();
  drawAll();
  let width = innerWidth;
  let waiting = 0;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  window.richterPlots = () => plots.map(({ plot, one }) => ({ id: one.figure.id, min: plot.scales.x.min, max: plot.scales.x.max, cursor: plot.cursor.idx }));
})();
