/** Which columns the table shows, in which order and how wide; kept per mode on this machine, and in the address. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef } from "react";
import { client, need, type Schemas } from "@/client/client";
import { shown } from "@/components/format";
import { useUrlState } from "@/hooks/useUrlState";

export type TableColumn = Schemas["TableColumn"];

const COMMON = ["name", "recorded", "defocus", "fit_resolution", "drift_total", "iciness", "counts_per_frame", "defocus_difference", "score"];

/** Columns that a mode begins with; those that a project lacks are left out. */
const DEFAULTS: Record<string, string[]> = {
  drift: ["name", "recorded", "drift_total", "drift_longest_step", "counts_per_frame", "iciness", "fit_resolution", "defocus", "total_dose"],
  "single-particle": COMMON,
  tomography: ["name", "tilt_series", "tilt_number", "stage_tilt", "defocus", "fit_resolution", "drift_total", "counts_per_frame", "pre_exposure"],
};

export function defaultColumns(mode: string | undefined, known: Map<string, TableColumn>): string[] {
  const wanted = DEFAULTS[mode ?? ""] ?? COMMON;
  return wanted.filter((name) => known.has(name));
}

export function useTableColumns(project: string) {
  return useQuery({
    queryKey: ["p", project, "columns"],
    queryFn: () => need(client.GET("/api/projects/{project}/columns", { params: { path: { project } } })),
  });
}

const ROOM: Record<string, number> = { name: 212, recorded: 164, imported: 164, comment: 200, path: 260, source_path: 260, tags: 120 };

/** px that a column has unless somebody has changed it. */
export function roomOf(column: TableColumn): number {
  return ROOM[column.name] ?? (column.kind === "text" ? 140 : Math.max(76, 40 + 6.6 * headOf(column.name).length));
}

/** `fit_resolution` → `fit resolution`. */
export function labelOf(name: string): string {
  return name.replace(/_/g, " ");
}

const SHORT: Record<string, string> = {
  fit_resolution: "fit", drift_total: "drift", drift_longest_step: "longest step", counts_per_frame: "counts", defocus_difference: "U - V", total_dose: "dose",
};

/** The name above the column, short where people know it; its meaning is told by a hint. */
export function headOf(name: string): string {
  return SHORT[name] ?? labelOf(name);
}

/** The unit in which a column's values are shown. */
export function unitOf(column: TableColumn): string | null {
  if (column.name === "recorded" || column.name === "imported") return null;
  return shown(column.name, column.unit).unit;
}

function read<T>(key: string, otherwise: T): T {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "") as T;
  } catch {
    return otherwise;
  }
}

/** Names of the columns that are shown, and how to show others. */
export function useShownColumns(mode: string | undefined, all: TableColumn[] | undefined) {
  const known = useMemo(() => new Map((all ?? []).map((column) => [column.name, column])), [all]);
  const key = `library-columns-${mode ?? ""}`;
  const [text, setText] = useUrlState("columns");
  const asked = useMemo(() => (text ? text.split(",") : read<string[]>(key, [])), [text, key]);
  const names = useMemo(() => {
    const found = asked.filter((name) => known.has(name));
    return found.length ? found : defaultColumns(mode, known);
  }, [asked, known, mode]);
  /** What the rows are asked for, at once with the columns: the server gives what the project lacks as unknown. */
  const wanted = useMemo(() => [...new Set([...asked, ...(names.length ? names : (DEFAULTS[mode ?? ""] ?? COMMON))])], [asked, mode, names]);
  const setNames = useCallback(
    (next: string[]) => {
      localStorage.setItem(key, JSON.stringify(next));
      setText(next.join(","));
    },
    [key, setText],
  );
  const reset = useCallback(() => {
    localStorage.removeItem(key);
    setText("");
  }, [key, setText]);
  return { known, names, wanted: useSteady(wanted), setNames, reset };
}

/** Columns that were asked for once stay asked for, so that knowing the project's columns asks for no other rows. */
function useSteady(wanted: string[]): string[] {
  const kept = useRef(wanted);
  if (!wanted.every((name) => kept.current.includes(name))) kept.current = wanted;
  return kept.current;
}

const WIDTHS = "library-widths";
export function readWidths(): Record<string, number> {
  return read(WIDTHS, {});
}
export function keepWidths(widths: Record<string, number>): void {
  localStorage.setItem(WIDTHS, JSON.stringify(widths));
}
