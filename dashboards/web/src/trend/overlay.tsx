// Several forecasts of one quantity over each other: the run as it is in grey, each scenario with a hue and a dash.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Tag } from "../state/api";
import type { Whole } from "../state/forecasts";
import { nameOf, number, unit } from "../text/format";
import { language, t } from "../text/language";
import { clock, css, figures, limits } from "./plot";

export const DASHES = [[], [9, 4], [2, 3], [9, 3, 2, 3]];

interface Props {
  name: string;
  tag: Tag | undefined;
  forecasts: Whole[];
}

/** Joined columns: time, then upper edge, lower edge and middle of every forecast. */
function columns(name: string, forecasts: Whole[]): uPlot.AlignedData {
  const tables = forecasts.map(({ t: times, bands }) => {
    const band = bands[name];
    return [times, band?.high ?? [], band?.low ?? [], band?.middle ?? []] as uPlot.AlignedData;
  });
  return uPlot.join(tables);
}

const hue = (i: number) => css(i === 0 ? "--soft" : `--try-${i}`);

function series(i: number): uPlot.Series[] {
  const edge = { width: 0, stroke: "transparent", points: { show: false }, spanGaps: true };
  const dash = i === 0 ? [] : (DASHES[i - 1] ?? []);
  return [edge, edge, { stroke: hue(i), width: 1.75, dash, points: { show: false }, spanGaps: true }];
}

function drawLimits(u: uPlot, tag: Tag | undefined): void {
  const { ctx, bbox } = u;
  const { min, max } = u.scales["y"] ?? {};
  ctx.save();
  ctx.strokeStyle = css("--limit");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const limit of limits(tag)) {
    if (min == null || max == null || limit < min || limit > max) continue;
    const y = u.valToPos(limit, "y", true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

function options({ tag, forecasts }: Props, width: number, height: number): uPlot.Options {
  const grid = { stroke: css("--hair"), width: 1 };
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const font = `${Math.round(rem * 0.76)}px ${css("--family")}`;
  const axis = { stroke: css("--soft"), font, grid, ticks: { ...grid, size: 4 } };
  return {
    width,
    height,
    padding: [8, 1.2 * rem, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "what-if" }, drag: { x: false, y: false } },
    axes: [
      { ...axis, size: 2.6 * rem, space: 4.5 * rem, values: (_, splits) => clock(splits) },
      { ...axis, size: 3.6 * rem, space: 1.7 * rem, values: (_, splits, __, ___, step) => figures(splits, step, number) },
    ],
    bands: forecasts.map((_, i) => ({ series: [3 * i + 1, 3 * i + 2], fill: `color-mix(in srgb, ${hue(i)} 14%, transparent)` })),
    series: [{}, ...forecasts.flatMap((_, i) => series(i))],
    hooks: { draw: [(u) => drawLimits(u, tag)] },
  };
}

export function Overlay(props: Props) {
  const { name, tag, forecasts } = props;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const here = box.current;
    if (!here) return;
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(options(props, here.clientWidth, here.clientHeight), columns(name, forecasts), here);
    };
    draw();
    const watcher = new ResizeObserver(() => plot?.setSize({ width: here.clientWidth, height: here.clientHeight }));
    watcher.observe(here);
    scheme.addEventListener("change", draw);
    return () => {
      watcher.disconnect();
      scheme.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [name, forecasts, language.value]);
  return (
    <figure class="overlay" data-overlay={name}>
      <figcaption>
        {nameOf(name)} <span class="unit">{unit(forecasts[0]?.bands[name]?.unit ?? tag?.unit ?? "")}</span>
      </figcaption>
      <div class="plot timed" ref={box} role="img" aria-label={t("whatif.plot", { name: nameOf(name) })} />
    </figure>
  );
}
