// The line as it flows: units in the order of the process, joined by their pipes.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Vessel } from "../state/api";
import { feeders, stages } from "../state/flow";
import { to } from "../state/route";
import { t } from "../text/language";
import { VesselCard } from "./vessel-card";

/** Where a pipe says in words what it joins: for ears, and where the screen is too narrow to draw it. */
function Ways({ unit, vessels }: { unit: Vessel; vessels: Vessel[] }) {
  const rows = [
    ["flow.from", feeders(unit.id, vessels)],
    ["flow.to", unit.feeds],
  ] as const;
  return (
    <p class="ways">
      {rows.map(([key, ids]) =>
        ids.length ? (
          <span key={key}>
            {t(key)}{" "}
            {ids.map((id) => (
              <a key={id} href={to("unit", id)}>
                {id}
              </a>
            ))}
          </span>
        ) : null,
      )}
    </p>
  );
}

interface Box {
  left: number;
  right: number;
  middle: number;
}

/** One pipe from the right side of a unit to the left side of another; past others it goes below them. */
function pipe(from: Box, until: Box, lane: number | null): string {
  const step = Math.min(14, Math.max(4, (until.left - from.right) / 2));
  const turn = until.left - step;
  const over = lane === null ? "" : `H${from.right + step}V${lane}`;
  return `M${from.right} ${from.middle}${over}H${turn}V${until.middle}H${until.left - 7}`;
}

function Pipes({ columns }: { columns: Vessel[][] }) {
  const svg = useRef<SVGSVGElement>(null);
  const [paths, setPaths] = useState<string[]>([]);
  useLayoutEffect(() => {
    const flow = svg.current?.parentElement;
    if (!flow) return;
    const draw = () => setPaths(drawn(flow, columns));
    const watch = new ResizeObserver(draw);
    watch.observe(flow);
    for (const each of flow.querySelectorAll("[data-unit]")) watch.observe(each);
    draw();
    return () => watch.disconnect();
  }, [columns]);
  return (
    <svg ref={svg} class="pipes" aria-hidden="true">
      <marker id="arrow" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse">
        <path d="M0 0L8 4L0 8Z" />
      </marker>
      {paths.map((d) => (
        <path key={d} d={d} marker-end="url(#arrow)" />
      ))}
    </svg>
  );
}

function drawn(flow: Element, columns: Vessel[][]): string[] {
  const origin = flow.getBoundingClientRect();
  const boxes = new Map<string, Box>();
  for (const each of flow.querySelectorAll<HTMLElement>("[data-unit]")) {
    const { left, right, top, bottom } = each.getBoundingClientRect();
    boxes.set(each.dataset["unit"] ?? "", {
      left: left - origin.left,
      right: right - origin.left,
      middle: (top + bottom) / 2 - origin.top,
    });
  }
  let lanes = 0;
  const lane = () => origin.height - 4 - 6 * lanes++;
  const stage = new Map(columns.flatMap((column, i) => column.map((each) => [each.id, i])));
  return columns.flat().flatMap((each) =>
    each.feeds.flatMap((id) => {
      const [from, until] = [boxes.get(each.id), boxes.get(id)];
      if (!from || !until) return [];
      const far = (stage.get(id) ?? 0) - (stage.get(each.id) ?? 0) > 1;
      return [pipe(from, until, far ? lane() : null)];
    }),
  );
}

export function Flow({ vessels, sparks }: { vessels: Vessel[]; sparks: boolean }) {
  const columns = stages(vessels);
  return (
    <div class="vessels flow" role="group" aria-label={t("flow.title")}>
      <Pipes columns={columns} />
      {columns.map((column) => (
        <div class="stage" key={column[0]?.id}>
          {column.map((each) => (
            <div key={each.id} data-unit={each.id}>
              <VesselCard vessel={each} sparks={sparks} />
              <Ways unit={each} vessels={vessels} />
            </div>
          ))}
        </div>
      ))}
    </div>
  );
}
