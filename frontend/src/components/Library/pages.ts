/** Rows of the table by place, asked for in pages as they come into sight. */
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef } from "react";
import { client, need, type Schemas } from "@/client/client";
import { itemQuery, orderText, type Shown } from "./query";

export const PAGE = 200;
type ItemPage = Schemas["ItemPage"];

export interface Item {
  id: number;
  /** Values in the order of the columns that were asked for. */
  values: unknown[];
  verdict: string | null;
}

export interface Rows {
  total: number | undefined;
  /** How many have come since the rows were counted, and wait to be shown. */
  fresh: number;
  show: () => void;
  /** The row at a place; `undefined` until it has come. */
  at: (index: number) => Item | undefined;
  /** A row of before, to be shown while the one at a place is on its way. */
  past: (index: number) => Item | undefined;
  place: (name: string) => number;
  indexOf: (id: number) => number;
  loading: boolean;
  error: unknown;
  retry: () => void;
  key: unknown[];
}

/**
 * @param range rows in sight
 * @param frozen whether new items must not move what is in sight
 */
export function useRows(project: string, shown: Shown, names: string[], range: [number, number], frozen: boolean): Rows {
  const queries = useQueryClient();
  const columns = useMemo(() => [...new Set(["name", "flag", "group_name", ...names])].sort(), [names]);
  const query = useMemo(() => itemQuery(shown), [shown]);
  const order = orderText(shown.order);
  const key = useMemo(() => ["p", project, "items", query, order, columns.join(",")], [project, query, order, columns]);
  const newest = useRef<number | undefined>(undefined);
  const freeze = useRef(frozen);
  freeze.current = frozen;
  const [first, last] = [Math.floor(range[0] / PAGE), Math.floor(Math.max(range[0], range[1]) / PAGE)];
  const pages = Array.from({ length: last - first + 1 }, (_, n) => first + n);
  const found = useQueries({
    queries: pages.map((page) => ({
      queryKey: [...key, page],
      staleTime: 30_000,
      gcTime: 120_000,
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const upto = freeze.current ? newest.current : undefined;
        const params = { ...query, upto, columns: columns.join(","), lacking: true, order: order || undefined, limit: PAGE, offset: page * PAGE };
        const data = await need(client.GET("/api/projects/{project}/items", { params: { path: { project }, query: params }, signal }));
        if (upto === undefined) newest.current = data.newest;
        return data;
      },
    })),
  });
  const kept = useRef<{ key: unknown; pages: Map<number, ItemPage>; total?: number }>({ key, pages: new Map() });
  const before = useRef<Map<number, ItemPage>>(new Map());
  if (kept.current.key !== key) {
    if (kept.current.pages.size) before.current = kept.current.pages;
    kept.current = { key, pages: new Map() };
    newest.current = undefined;
  }
  const latest = found.reduce<{ data?: ItemPage; at: number }>(
    (best, entry) => (entry.data && entry.dataUpdatedAt >= best.at ? { data: entry.data, at: entry.dataUpdatedAt } : best),
    { at: 0 },
  );
  found.forEach((entry, n) => entry.data && kept.current.pages.set(pages[n]!, entry.data));
  const version = found.map((entry) => `${entry.dataUpdatedAt}`).join(" ");
  const own = kept.current.pages;
  const at = useCallback((index: number) => itemAt(own, index), [own, version]); // eslint-disable-line
  const past = useCallback((index: number) => itemAt(before.current, index), []);
  const indexOf = useCallback(
    (id: number) => {
      for (const [page, data] of own) {
        const place = data.ids.indexOf(id);
        if (place >= 0) return page * PAGE + place;
      }
      return -1;
    },
    [own],
  );
  const places = useMemo(() => new Map(columns.map((name, n) => [name, n])), [columns]);
  const show = useCallback(() => {
    newest.current = undefined;
    void queries.invalidateQueries({ queryKey: ["p", project, "items"] });
  }, [project, queries]);
  // Far rows that are on their way must not shrink the table: the total known for this question stays.
  const total = latest.data?.total ?? kept.current.total;
  kept.current.total = total;
  useEffect(() => {
    if (total !== undefined) before.current = new Map();
  }, [key, total]);
  return {
    total: total ?? (before.current.size ? [...before.current.values()].at(-1)!.total : undefined),
    fresh: latest.data?.new ?? 0,
    show,
    at,
    past,
    place: useCallback((name: string) => places.get(name) ?? -1, [places]),
    indexOf,
    loading: found.some((entry) => entry.isPending),
    error: found.find((entry) => entry.error)?.error,
    retry: () => found.forEach((entry) => entry.error && void entry.refetch()),
    key,
  };
}

function itemAt(pages: Map<number, ItemPage>, index: number): Item | undefined {
  const data = pages.get(Math.floor(index / PAGE));
  const place = index % PAGE;
  const id = data?.ids[place];
  if (data === undefined || id === undefined) return undefined;
  return { id, values: data.rows[place]!, verdict: data.verdicts?.[place] ?? null };
}

/** Numbers of the items in rows `from` to `to` (not included), from what is loaded or else from the server. */
export async function idsBetween(project: string, shown: Shown, rows: Rows, from: number, to: number): Promise<number[]> {
  const loaded: number[] = [];
  for (let index = from; index < to; index++) {
    const item = rows.at(index);
    if (!item) break;
    loaded.push(item.id);
  }
  if (loaded.length === to - from) return loaded;
  const query = { ...itemQuery(shown), order: orderText(shown.order) || undefined, from, to };
  const answer = await need(client.GET("/api/projects/{project}/items/ids", { params: { path: { project }, query } }));
  return answer.ids;
}

/** Values of items by number: for what is not in sight. */
export async function valuesOf(project: string, ids: number[], columns: string[]): Promise<Map<number, unknown[]>> {
  const answer = await need(
    client.POST("/api/projects/{project}/items/rows", { params: { path: { project } }, body: { ids, columns } }),
  );
  return new Map(answer.ids.map((id, place) => [id, answer.rows[place]!]));
}
