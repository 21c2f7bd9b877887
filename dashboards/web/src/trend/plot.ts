// How a trend is drawn: band and thin line for the twin, solid for measured, step for the set point.
import uPlot from "uplot";
import type { Tag } from "../state/api";
import { now } from "../state/clock";
import { day } from "../text/format";
import { language } from "../text/language";

export interface Look {
  hue: string;
  tag: Tag | undefined;
  labAccuracy: number;
  axes: boolean;
  xAxis: boolean;
  faults: () => [number, number][];
  format: (value: number, digits: number) => string;
  readout: (u: uPlot) => void;
  choose: (from: number, until: number) => void;
}

export const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function clock(splits: number[]): string[] {
  const format = new Intl.DateTimeFormat(language.value, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const spread = (splits.at(-1) ?? 0) - (splits[0] ?? 0);
  let shown = "";
  return splits.map((s) => {
    const today = day(s * 1000);
    if (spread > 4 * 86_400) return today;
    const text = format.format(new Date(s * 1000));
    const label = today === shown ? text : `${text}\n${today}`;
    shown = today;
    return label;
  });
}

/** Range of the value axis: the data with room, the limits when near, and never narrower than the noise. */
function span(look: Look, low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [look.tag?.low ?? 0, look.tag?.high ?? 1];
  const least = Math.max((look.tag?.accuracy ?? 0) * 10, Math.abs(high) * 1e-3, 1e-9);
  const middle = (low + high) / 2;
  const half = Math.max(high - low, least) * 0.7;
  let [bottom, top] = [middle - half, middle + half];
  for (const limit of look.axes ? limits(look.tag) : []) {
    if (limit > top && limit < top + half) top = limit + half * 0.1;
    if (limit < bottom && limit > bottom - half) bottom = limit - half * 0.1;
  }
  return [bottom, top];
}

export function limits(tag: Tag | undefined): number[] {
  return Object.values(tag?.limits ?? {}).filter((each): each is number => each !== null);
}

/** Labels with as many decimals as the step between them needs. */
export function figures(splits: number[], step: number, format: Look["format"]): string[] {
  let digits = 0;
  while (digits < 6 && Math.abs(Math.round(step * 10 ** digits) - step * 10 ** digits) > 1e-6) digits++;
  return splits.map((each) => format(each, digits));
}

function drawBehind(u: uPlot, look: Look): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = css("--fault");
  for (const [from, until] of look.faults()) {
    const left = u.valToPos(from, "x", true);
    ctx.fillRect(left, bbox.top, Math.max(2, u.valToPos(until, "x", true) - left), bbox.height);
  }
  ctx.restore();
}

function drawLimits(u: uPlot, look: Look): void {
  const { ctx, bbox } = u;
  const { min = 0, max = 0 } = u.scales["y"] ?? {};
  ctx.save();
  ctx.strokeStyle = css("--limit");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const limit of limits(look.tag)) {
    if (min === null || max === null || limit < min || limit > max) continue;
    const y = u.valToPos(limit, "y", true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** Where what was ends and what is to come begins. */
function drawNow(u: uPlot): void {
  const { ctx, bbox } = u;
  const x = u.valToPos(now.peek() / 1000, "x", true);
  if (x > bbox.left + bbox.width - 2 || x < bbox.left) return;
  ctx.save();
  ctx.strokeStyle = css("--limit");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** Laboratory samples: a ring with an error bar of two standard deviations. */
function drawSamples(u: uPlot, look: Look): void {
  const values = u.data[6] ?? [];
  const { ctx } = u;
  ctx.save();
  ctx.strokeStyle = css("--ink");
  ctx.fillStyle = css("--panel");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([]);
  u.data[0].forEach((t, i) => {
    const value = values[i];
    if (value === null || value === undefined) return;
    const [x, y] = [u.valToPos(t, "x", true), u.valToPos(value, "y", true)];
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
    const bar = Math.abs(u.valToPos(value + 2 * look.labAccuracy, "y", true) - y);
    ctx.beginPath();
    ctx.moveTo(x, Math.max(y - bar, u.bbox.top));
    ctx.lineTo(x, Math.min(y + bar, u.bbox.top + u.bbox.height));
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, y, 4 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  });
  ctx.restore();
}

export function options(look: Look, width: number, height: number): uPlot.Options {
  const hue = css(look.hue);
  const grid = { stroke: css("--hair"), width: 1 };
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${Math.round(rem * 0.76)}px ${css("--family")}`;
  const axis = { stroke: css("--soft"), font, grid, ticks: { ...grid, size: 4 } };
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  const online = look.tag?.kind === "online"; // then the band may pass the edge of the drawing
  const edge = { width: 0, stroke: "transparent", points: { show: false }, auto: !online };
  return {
    width,
    height,
    padding: look.axes ? [8, 1.4 * rem, look.xAxis ? 0 : 8, 0] : [3, 0, 3, 0],
    legend: { show: false },
    cursor: { show: look.axes, sync: { key: "time" }, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
    scales: { x: { time: true }, y: { range: (_, low, high) => span(look, low, high) } },
    axes: [
      { ...axis, show: look.xAxis, size: 2.6 * rem, space: 4.5 * rem, values: (_, splits) => clock(splits) },
      { ...axis, show: look.axes, size: 3.6 * rem, space: 1.7 * rem, values: (_, splits, __, ___, step) => figures(splits, step, look.format) },
    ],
    bands: [
      { series: [1, 2], fill: css(`${look.hue}-band`) },
      { series: [7, 8], fill: css(`${look.hue}-band`) },
    ],
    series: [
      {},
      edge,
      edge,
      { stroke: hue, width: 1, alpha: 0.75, points: { show: false } },
      { stroke: hue, width: 1.75, points: { show: false } },
      { stroke: css("--setpoint"), width: 1.25, points: { show: false }, ...(stepped ? { paths: stepped } : {}) },
      { stroke: "transparent", width: 0, points: { show: false } },
      { ...edge, spanGaps: true },
      { ...edge, spanGaps: true },
      { stroke: hue, width: 1.5, dash: [5, 5], points: { show: false }, spanGaps: true },
    ],
    hooks: {
      drawClear: [(u) => drawBehind(u, look)],
      draw: [(u) => drawNow(u), (u) => drawLimits(u, look), (u) => drawSamples(u, look)],
      setCursor: [(u) => look.readout(u)],
      setSelect: [(u) => select(u, look)],
    },
  };
}

function select(u: uPlot, look: Look): void {
  const { left, width } = u.select;
  if (width < 8) return;
  look.choose(u.posToVal(left, "x") * 1000, u.posToVal(left + width, "x") * 1000);
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}
