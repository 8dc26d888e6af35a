/** Which rows are chosen, and where the cursor is. */
import { useCallback, useMemo, useRef, useState } from "react";
import { asFault } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { idsBetween, type Rows } from "./pages";
import type { Shown } from "./query";

export interface Cursor {
  index: number;
  id: number;
}

export interface Choice {
  ids: ReadonlySet<number>;
  /** Rows that are being chosen, by place, until their numbers are known. */
  range: readonly [number, number] | null;
  cursor: Cursor | null;
  has: (index: number, id: number) => boolean;
  /** Put the cursor on a row; nothing else is chosen then. */
  go: (index: number) => void;
  /** Choose from the anchor to this row; `keep` leaves what was chosen before. */
  extend: (index: number, keep?: boolean, resolve?: boolean) => void;
  toggle: (index: number) => void;
  all: () => void;
  clear: () => void;
  setCursor: (cursor: Cursor | null) => void;
  /** What an action is about: what is chosen, else the row of the cursor. */
  targets: () => number[];
}

const NONE: ReadonlySet<number> = new Set();
/** The cursor's image until the row at its place has come. */
export const UNKNOWN_ID = -1;

export function useChoice(project: string, shown: Shown, rows: Rows): Choice {
  const [ids, setIds] = useState<ReadonlySet<number>>(NONE);
  const [range, setRange] = useState<readonly [number, number] | null>(null);
  const [cursor, setCursor] = useState<Cursor | null>(null);
  const anchor = useRef(0);
  const base = useRef<ReadonlySet<number>>(NONE);
  const turn = useRef(0);
  const now = useRef({ rows, shown, ids, cursor });
  now.current = { rows, shown, ids, cursor };

  const put = useCallback((index: number) => {
    const item = now.current.rows.at(index);
    setCursor({ index, id: item?.id ?? UNKNOWN_ID });
    return item;
  }, []);
  const go = useCallback(
    (index: number) => {
      anchor.current = index;
      base.current = NONE;
      turn.current++;
      put(index);
      setRange(null);
      if (now.current.ids.size) setIds(NONE);
    },
    [put],
  );
  const resolve = useCallback(
    async (from: number, to: number) => {
      const mine = ++turn.current;
      try {
        const found = await idsBetween(project, now.current.shown, now.current.rows, from, to + 1);
        if (mine !== turn.current) return;
        setIds(new Set([...base.current, ...found]));
        setRange(null);
      } catch (error) {
        showFault(asFault(error));
      }
    },
    [project],
  );
  const extend = useCallback(
    (index: number, keep = false, end = true) => {
      if (!keep) base.current = NONE;
      const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
      setRange([from, to]);
      if (!keep) setIds(NONE);
      put(index);
      if (end) void resolve(from, to);
    },
    [put, resolve],
  );
  const toggle = useCallback(
    (index: number) => {
      anchor.current = index;
      const item = put(index);
      if (!item) return;
      const next = new Set(now.current.ids);
      if (!next.delete(item.id)) next.add(item.id);
      base.current = next;
      setIds(next);
    },
    [put],
  );
  const all = useCallback(() => {
    base.current = NONE;
    const total = now.current.rows.total ?? 0;
    if (total) void resolve(0, total - 1);
  }, [resolve]);
  const clear = useCallback(() => {
    turn.current++;
    base.current = NONE;
    setIds(NONE);
    setRange(null);
  }, []);
  const has = useCallback(
    (index: number, id: number) => ids.has(id) || (range !== null && index >= range[0] && index <= range[1]),
    [ids, range],
  );
  const targets = useCallback(() => {
    const { ids: chosen, cursor: at } = now.current;
    return chosen.size ? [...chosen] : at && at.id !== UNKNOWN_ID ? [at.id] : [];
  }, []);
  return useMemo(
    () => ({ ids, range, cursor, has, go, extend, toggle, all, clear, setCursor, targets }),
    [all, clear, cursor, extend, go, has, ids, range, targets, toggle],
  );
}
