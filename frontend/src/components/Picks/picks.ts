/** Picks of an image: what is asked of the server, and which circles are drawn. Pure but for the queries. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client, need, type Schemas } from "@/client/client";

export type ItemPicks = Required<Schemas["ItemPicks"]>;
export type Limits = Record<"min_score" | "max_score" | "min_power" | "max_power", number | null>;
export type Point = [number, number];

/** Changes by hand, in px of the micrograph. */
export interface Edits {
  added: Point[];
  removed: Point[];
}

/** `kept` goes on; `below` does not pass the thresholds; `hand` was set by hand; `gone` was taken away by hand. */
export type Kind = "kept" | "below" | "hand" | "gone";

export interface Pick {
  x: number;
  y: number;
  kind: Kind;
  score: number | null;
  power: number | null;
  /** Index of the picker, which says how the circle is drawn. */
  source: number;
  /** Index among the candidates, or of the edits where it was set by hand. */
  index: number;
  group?: number | null;
}

export const NO_LIMITS: Limits = { min_score: null, max_score: null, min_power: null, max_power: null };
export const NO_EDITS: Edits = { added: [], removed: [] };

export function usePicks(project: string | null, item: number | null, job: string | null, classes: string | null) {
  return useQuery({
    queryKey: ["p", project, "particles", item, job, classes],
    enabled: project !== null && item !== null,
    queryFn: () =>
      need(
        client.GET("/api/projects/{project}/items/{item}/particles", {
          params: { path: { project: project!, item: item! }, query: { job: job ?? undefined, classes: classes ?? undefined } },
        }),
      ) as Promise<ItemPicks>,
    placeholderData: (before, query) => (query?.queryKey[3] === item ? before : undefined),
  });
}

export function useDensity(project: string, job: string | null, bins: [number, number] = [96, 64]) {
  return useQuery({
    queryKey: ["p", project, "pick density", job, bins],
    enabled: job !== null,
    queryFn: () => need(client.POST("/api/projects/{project}/jobs/{job}/picks/histogram", { params: { path: { project, job: job! } }, body: { bins } })),
    placeholderData: keepPreviousData,
  });
}

export function useCounts(project: string, job: string | null, limits: Limits) {
  return useQuery({
    queryKey: ["p", project, "pick counts", job, limits],
    enabled: job !== null,
    gcTime: 20_000,
    queryFn: ({ signal }) => need(client.POST("/api/projects/{project}/jobs/{job}/picks/counts", { params: { path: { project, job: job! } }, body: limits, signal })),
    placeholderData: keepPreviousData,
  });
}

/** Whether a candidate passes: without a least score those that the picker kept. */
export function passes(limits: Limits, kept: boolean, score: number | null, power: number | null): boolean {
  if (limits.min_score === null ? !kept : score === null || score < limits.min_score) return false;
  if (limits.max_score !== null && (score === null || score > limits.max_score)) return false;
  if (limits.min_power !== null && (power === null || power < limits.min_power)) return false;
  return limits.max_power === null || (power !== null && power <= limits.max_power);
}

/** All circles of an image. A removal takes the nearest pick that is kept, within `radius` px. */
export function composed(data: ItemPicks, limits: Limits, edits: Edits, radius: number): Pick[] {
  const found: Pick[] = data.coordinates.map(([x, y], index) => {
    const [score, power] = [data.score[index] ?? null, data.power[index] ?? null];
    const kind = passes(limits, data.kept[index]!, score, power) ? "kept" : "below";
    return { x, y, kind, score, power, source: data.source[index]!, index, group: data.class_number?.[index] };
  });
  for (const [x, y] of edits.removed) {
    let nearest: Pick | null = null;
    let least = radius;
    for (const pick of found) {
      const far = Math.hypot(pick.x - x, pick.y - y);
      if (pick.kind === "kept" && far <= least) [nearest, least] = [pick, far];
    }
    if (nearest) nearest.kind = "gone";
  }
  edits.added.forEach(([x, y], index) => found.push({ x, y, kind: "hand", score: null, power: null, source: -1, index }));
  return found;
}

export function goingOn(picks: readonly Pick[]): number {
  return picks.reduce((sum, pick) => sum + (pick.kind === "kept" || pick.kind === "hand" ? 1 : 0), 0);
}

/** Limits as the server gives them: what is left out is no limit. */
export function asLimits(given: Partial<Limits> | null | undefined): Limits {
  return { ...NO_LIMITS, ...given };
}

export function sameLimits(a: Limits, b: Limits): boolean {
  return (Object.keys(NO_LIMITS) as (keyof Limits)[]).every((name) => a[name] === b[name]);
}

/** Least and greatest known value; `null` where none is known. */
export function rangeOf(values: readonly (number | null)[]): [number, number] | null {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/** The pick whose middle is nearest to a place, within `reach` px; what goes on is preferred to what does not. */
export function pickAt(picks: readonly Pick[], [x, y]: Point, reach: number, below: boolean, gone: boolean): Pick | null {
  let found: Pick | null = null;
  let least = Infinity;
  for (const pick of picks) {
    if ((pick.kind === "below" && !below) || (pick.kind === "gone" && !gone)) continue;
    const far = Math.hypot(pick.x - x, pick.y - y);
    const rank = far + (pick.kind === "below" || pick.kind === "gone" ? reach : 0);
    if (far <= reach && rank < least) [found, least] = [pick, rank];
  }
  return found;
}

const keyOf = ([x, y]: Point) => `${x.toFixed(2)},${y.toFixed(2)}`;

function lacking(points: Point[], others: Point[]): Point[] {
  const known = new Set(others.map(keyOf));
  return points.filter((point) => !known.has(keyOf(point)));
}

/** What leads from one state of the edits to another. */
export function changeOf(from: Edits, to: Edits) {
  return { add: lacking(to.added, from.added), remove: lacking(to.removed, from.removed), unadd: lacking(from.added, to.added), unremove: lacking(from.removed, to.removed) };
}

export function isEmpty(change: ReturnType<typeof changeOf>): boolean {
  return Object.values(change).every((points) => points.length === 0);
}

/** The same change on top of another state: what somebody else has done meanwhile stays. */
export function changed(base: Edits, change: ReturnType<typeof changeOf>): Edits {
  return {
    added: [...lacking(base.added, change.unadd), ...lacking(change.add, base.added)],
    removed: [...lacking(base.removed, change.unremove), ...lacking(change.remove, base.removed)],
  };
}

/** The edits after something was done to a pick (or to an empty place). */
export function without(edits: Edits, pick: Pick): Edits {
  if (pick.kind === "hand") return { ...edits, added: edits.added.filter((_, index) => index !== pick.index) };
  if (pick.kind === "below") return { ...edits, added: [...edits.added, [pick.x, pick.y]] };
  if (pick.kind === "gone") return { ...edits, removed: lessNearest(edits.removed, pick) };
  return { ...edits, removed: [...edits.removed, [pick.x, pick.y]] };
}

function lessNearest(points: Point[], pick: Pick): Point[] {
  const far = points.map(([x, y]) => Math.hypot(x - pick.x, y - pick.y));
  const place = far.indexOf(Math.min(...far));
  return points.filter((_, index) => index !== place);
}

export function withPoint(edits: Edits, [x, y]: Point): Edits {
  return { ...edits, added: [...edits.added, [round(x), round(y)]] };
}

export function movedTo(edits: Edits, pick: Pick, to: Point): Edits {
  return withPoint(pick.kind === "hand" || pick.kind === "kept" ? without(edits, pick) : edits, to);
}

const round = (value: number) => Math.round(value * 100) / 100;

/** Limits as text of the address, such as "4.2,,0.8,". */
export function limitsText(limits: Limits | null): string {
  if (!limits) return "";
  return [limits.min_score, limits.max_score, limits.min_power, limits.max_power].map((value) => (value === null ? "" : Number(value.toPrecision(5)))).join(",");
}

export function readLimits(text: string): Limits | null {
  const parts = text.split(",");
  if (parts.length !== 4) return null;
  const [min_score, max_score, min_power, max_power] = parts.map((part) => (part === "" || !Number.isFinite(Number(part)) ? null : Number(part)));
  return { min_score: min_score!, max_score: max_score!, min_power: min_power!, max_power: max_power! };
}
