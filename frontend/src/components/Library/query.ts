/** What the library shows, kept in the address: group, flag, tag, filter, conditions, order, table or gallery. */
import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import { addressNow } from "@/hooks/useUrlState";
import { joined } from "./conditions";

export type Side = "all" | "items" | "rejected" | "by hand";
export interface Sort {
  name: string;
  direction: "asc" | "desc";
}

export interface Shown {
  group: string;
  flag: string;
  tag: string;
  filter: number | null;
  side: Side;
  conditions: string[];
  order: Sort[];
}

/** Parameters of the requests for items, as the server calls them. */
export interface ItemQuery {
  where?: string;
  group?: string;
  flag?: string;
  tag?: string;
  filter?: number;
  side?: Side;
}

/** Conditions as JSON, or one as plain text. */
function readConditions(text: string | null): string[] {
  if (!text?.trim()) return [];
  try {
    const found: unknown = JSON.parse(text);
    if (Array.isArray(found)) return found.filter((entry): entry is string => typeof entry === "string");
  } catch {
    // not JSON: a condition as people type it
  }
  return [text.trim()];
}

function read(params: URLSearchParams): Shown {
  const order = (params.get("order") ?? "")
    .split(",")
    .filter(Boolean)
    .map((part): Sort => {
      const [name, direction] = part.split(":");
      return { name: name!, direction: direction === "desc" ? "desc" : "asc" };
    });
  return {
    group: params.get("group") ?? "",
    flag: params.get("flag") ?? "",
    tag: params.get("tag") ?? "",
    filter: params.get("filter") ? Number(params.get("filter")) : null,
    side: (params.get("side") as Side | null) ?? (params.get("filter") ? "items" : "all"),
    conditions: readConditions(params.get("where")),
    order,
  };
}

function write(params: URLSearchParams, shown: Shown): void {
  const put = (name: string, value: string) => (value ? params.set(name, value) : params.delete(name));
  put("group", shown.group);
  put("flag", shown.flag);
  put("tag", shown.tag);
  put("filter", shown.filter === null ? "" : String(shown.filter));
  put("side", shown.filter === null ? "" : shown.side);
  put("where", shown.conditions.length ? JSON.stringify(shown.conditions) : "");
  put("order", orderText(shown.order));
}

export function orderText(order: Sort[]): string {
  return order.map(({ name, direction }) => `${name}:${direction}`).join(",");
}

/** What is shown, and how to change a part of it; other parameters of the address stay. */
export function useShown() {
  const [params, setParams] = useSearchParams();
  const text = JSON.stringify(read(params)); // other parameters of the address must not make it another one
  const shown = useMemo(() => JSON.parse(text) as Shown, [text]);
  const change = useCallback(
    (part: Partial<Shown>) =>
      setParams(() => {
        const next = addressNow();
        write(next, { ...read(next), ...part });
        return next;
      }),
    [setParams],
  );
  return { shown, change };
}

/** The requests' parameters; without the conditions named in `but`. */
export function itemQuery(shown: Shown, conditions = shown.conditions): ItemQuery {
  const query: ItemQuery = {};
  const where = joined(conditions);
  if (where) query.where = where;
  if (shown.group) query.group = shown.group;
  if (shown.flag) query.flag = shown.flag;
  if (shown.tag) query.tag = shown.tag;
  if (shown.filter !== null) {
    query.filter = shown.filter;
    query.side = shown.side;
  }
  return query;
}

/** Click on a header: this column alone, turned by a second click; Shift adds it. */
export function sorted(order: Sort[], name: string, add: boolean): Sort[] {
  const at = order.findIndex((entry) => entry.name === name);
  const direction = at >= 0 && order[at]!.direction === "asc" ? "desc" : "asc";
  if (!add) return at >= 0 && order[at]!.direction === "desc" && order.length === 1 ? [] : [{ name, direction }];
  if (at < 0) return [...order, { name, direction }];
  return order.map((entry, place) => (place === at ? { name, direction } : entry));
}
