// The units in the order of the process, by the pipes that the line file names.
import type { Vessel } from "./api";

/** Columns of units: each stands behind everything that feeds it, beside those as far along as it is. */
export function stages(vessels: Vessel[]): Vessel[][] {
  const depth = depths(vessels);
  const columns: Vessel[][] = [];
  for (const each of vessels) (columns[depth.get(each.id) ?? 0] ??= []).push(each);
  const row = new Map<string, number>();
  for (const column of columns) {
    column.sort((a, b) => height(a, vessels, row) - height(b, vessels, row));
    column.forEach((each, i) => row.set(each.id, i));
  }
  return columns;
}

/** Length of the longest way to each unit; the check of the line file refuses rings, so it ends. */
function depths(vessels: Vessel[]): Map<string, number> {
  const depth = new Map(vessels.map((each) => [each.id, 0]));
  for (let moved = true, rounds = 0; moved && rounds <= vessels.length; rounds++) {
    moved = false;
    for (const each of vessels)
      for (const fed of each.feeds) {
        const least = (depth.get(each.id) ?? 0) + 1;
        if ((depth.get(fed) ?? least) >= least) continue;
        depth.set(fed, least);
        moved = true;
      }
  }
  return depth;
}

/** Mean height of what feeds a unit, so that few pipes cross. */
function height(unit: Vessel, vessels: Vessel[], row: Map<string, number>): number {
  const rows = feeders(unit.id, vessels).map((each) => row.get(each) ?? 0);
  return rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : 0;
}

export const feeders = (id: string, vessels: Vessel[]) =>
  vessels.filter((each) => each.feeds.includes(id)).map((each) => each.id);

export const piped = (vessels: Vessel[]) => vessels.some((each) => each.feeds.length);
