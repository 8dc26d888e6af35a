/** What the Session page asks, and which part of its state is in the address. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import { addressNow } from "@/hooks/useUrlState";
import { client, need, type Schemas } from "@/client/client";

export type Pulse = Schemas["Pulse"];
export type PulseFigure = Schemas["PulseFigure"];
export type Series = Schemas["Series"];
export type SeriesColumn = Schemas["SeriesColumn"];

/** A stretch of time: so long before the end, or from one time to another; empty is all. */
export interface Stretch {
  seconds?: number;
  from?: number;
  to?: number;
}

export const INTERVALS = [
  { value: "30m", label: "30 min", seconds: 1800 },
  { value: "3h", label: "3 h", seconds: 10800 },
  { value: "12h", label: "12 h", seconds: 43200 },
  { value: "24h", label: "24 h", seconds: 86400 },
  { value: "all", label: "All", seconds: null },
] as const;

export const USUAL_FILTERS = ["fit_resolution", "drift_total", "iciness", "defocus"];

const NAMES: Record<string, string> = {
  rate: "Images per hour", queue: "Queue", free_space: "Disk free", time: "Time", counts_per_frame: "Counts", drift_total: "Drift", defocus: "Defocus",
  fit_resolution: "Fit resolution", iciness: "Iciness", picks_found: "Picks/image", relative_stddev: "Relative deviation",
  defocus_difference: "Astigmatism", shift_group: "Shift group", group_name: "Group",
};

/** Panels that are of the whole project, not of images. */
export const GAUGES = ["rate", "queue", "free_space"] as const;
export type Gauge = (typeof GAUGES)[number];
export function isGauge(name: string): name is Gauge {
  return (GAUGES as readonly string[]).includes(name);
}

/** The panels that are shown unless others were chosen. */
export function usualPanels(series: Series | undefined): string[] {
  const sampled = GAUGES.filter((name) => name !== "rate" && (series?.[name].values.length ?? 0) > 1);
  return ["rate", ...Object.keys(series?.columns ?? {}), ...sampled];
}

/** A column for people. */
export function columnName(column: string): string {
  const plain = column.replaceAll("_", " ");
  return NAMES[column] ?? plain[0]!.toUpperCase() + plain.slice(1);
}

export type Ranges = Record<string, [number | null, number | null]>;

/** Ranges of columns as a condition. */
export function conditionOf(ranges: Ranges): string {
  return Object.entries(ranges)
    .flatMap(([column, [low, high]]) => [low === null ? "" : `${column} >= ${plain(low)}`, high === null ? "" : `${column} <= ${plain(high)}`])
    .filter(Boolean)
    .join(" and ");
}

function plain(value: number): string {
  return String(Number(value.toPrecision(8)));
}

/** The view that the address describes, and changes of it. */
export function useView() {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (changes: Record<string, string | null>) =>
      setParams(
        () => {
          const next = addressNow();
          for (const [name, value] of Object.entries(changes)) {
            if (value === null || value === "") next.delete(name);
            else next.set(name, value);
          }
          return next;
        },
        { replace: true },
      ),
    [setParams],
  );
  const interval = params.get("t") ?? "12h";
  const stretch = useMemo(() => stretchOf(interval), [interval]);
  const ranges = useMemo(() => rangesOf(params.get("f")), [params]);
  const condition = useMemo(() => conditionOf(ranges), [ranges]);
  return { params, set, interval, stretch, ranges, condition };
}

function stretchOf(interval: string): Stretch {
  const known = INTERVALS.find((entry) => entry.value === interval);
  if (known) return known.seconds === null ? {} : { seconds: known.seconds };
  const [from, to] = interval.split("_").map(Number);
  return Number.isFinite(from) && Number.isFinite(to) ? { from, to } : { seconds: 43200 };
}

export function intervalText(from: number, to: number): string {
  return `${Math.round(from)}_${Math.round(to)}`;
}

function rangesOf(text: string | null): Ranges {
  try {
    const found = JSON.parse(text ?? "{}") as unknown;
    return typeof found === "object" && found !== null ? (found as Ranges) : {};
  } catch {
    return {};
  }
}

const path = (project: string) => ({ project });

export function usePulse(project: string, stretch: Stretch) {
  return useQuery({
    queryKey: ["p", project, "pulse", stretch],
    queryFn: () => need(client.GET("/api/projects/{project}/pulse", { params: { path: path(project), query: stretch } })),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.awaited ? 10_000 : 60_000),
  });
}

/** Columns against time; the usual ones that the project has unless some are named. */
export function useSeries(project: string, columns: string[] | undefined, stretch: Stretch, where: string, points: number) {
  return useQuery({
    queryKey: ["p", project, "series", columns, stretch, where, points],
    queryFn: () => need(client.GET("/api/projects/{project}/series", { params: { path: path(project), query: { ...stretch, columns: columns?.join(","), where: where || undefined, points } } })),
    placeholderData: keepPreviousData,
  });
}

export function useColumns(project: string) {
  return useQuery({
    queryKey: ["p", project, "columns"],
    queryFn: () => need(client.GET("/api/projects/{project}/columns", { params: { path: path(project) } })),
    staleTime: 60_000,
  });
}

/** The Library with these conditions. */
export function libraryLink(project: string, ...conditions: string[]): string {
  return `/p/${project}/library?where=${encodeURIComponent(JSON.stringify(conditions))}`;
}
