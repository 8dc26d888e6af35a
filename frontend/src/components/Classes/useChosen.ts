/** Which classes are chosen, and where the cursor is: both in the address, moved by mouse and keys. */
import { useCallback, useMemo, useRef } from "react";
import { useKeys } from "@/components/Library/useKeys";
import { addressNow, useUrlState } from "@/hooks/useUrlState";
import { suggestedAt, type ClassAverage } from "./classes";

export interface Chosen {
  chosen: ReadonlySet<number>;
  /** What is chosen, even before it is drawn. */
  chosenNow: () => Set<number>;
  choose: (numbers: Iterable<number>) => void;
  toggle: (number: number, range: boolean) => void;
  cursor: number | null;
  cursorNow: () => number | null;
  setCursor: (number: number) => void;
}

/** Numbers as the address has them: "1,4", and "none" for no class. */
function read(text: string): Set<number> {
  return new Set(text === "none" ? [] : text.split(",").map(Number).filter((number) => number > 0));
}

export function useChosen(order: readonly ClassAverage[], before: readonly number[] | null): Chosen {
  const [text, setText] = useUrlState("sel");
  const [at, setAt] = useUrlState("at");
  const anchor = useRef<number | null>(null);
  const chosen = useMemo(() => (text ? read(text) : new Set(before ?? [])), [text, before]);
  const base = useRef(before);
  base.current = before;
  // Of two keys in a row the second must know what the first has done, drawn or not: the address knows.
  const chosenNow = useCallback(() => {
    const given = addressNow().get("sel");
    return given ? read(given) : new Set(base.current ?? []);
  }, []);
  const cursorNow = useCallback(() => Number(addressNow().get("at")) || null, []);
  const choose = useCallback(
    (numbers: Iterable<number>) => {
      const list = [...new Set(numbers)].sort((a, b) => a - b);
      setText(list.length ? list.join(",") : "none");
    },
    [setText],
  );
  const setCursor = useCallback((number: number) => setAt(String(number)), [setAt]);
  const toggle = useCallback(
    (number: number, range: boolean) => {
      const next = chosenNow();
      const places = [anchor.current, number].map((one) => order.findIndex((entry) => entry.number === one));
      if (range && places[0]! >= 0) {
        const [first, last] = [Math.min(...places), Math.max(...places)];
        // A range does what the click did from which it goes out.
        const add = next.has(anchor.current!);
        for (const { number: one } of order.slice(first, last + 1)) {
          if (add) next.add(one);
          else next.delete(one);
        }
      } else {
        if (!next.delete(number)) next.add(number);
        anchor.current = number;
      }
      choose(next);
      setCursor(number);
    },
    [choose, chosenNow, order, setCursor],
  );
  const cursor = order.some((one) => one.number === Number(at)) ? Number(at) : null;
  return { chosen, chosenNow, choose, toggle, cursor, cursorNow, setCursor };
}

interface Given {
  order: readonly ClassAverage[];
  state: Chosen;
  threshold: number;
  columns: () => number;
  open: (number: number | null) => void;
  help: () => void;
}

/** Arrows move, Space chooses, Shift chooses on the way; a all, n none, i the others, s the suggested ones. */
export function useClassKeys({ order, state, threshold, columns, open, help }: Given): void {
  const { chosenNow, choose, toggle, cursorNow, setCursor } = state;
  const move = (by: number) => (event: KeyboardEvent) => {
    if (order.length === 0) return;
    const place = order.findIndex((one) => one.number === cursorNow());
    const next = Math.min(order.length - 1, Math.max(0, place < 0 ? 0 : place + by));
    if (event.shiftKey && place >= 0) {
      const [first, last] = [Math.min(place, next), Math.max(place, next)];
      choose([...chosenNow(), ...order.slice(first, last + 1).map((one) => one.number)]);
    }
    setCursor(order[next]!.number);
  };
  useKeys({
    ArrowRight: move(1),
    ArrowLeft: move(-1),
    ArrowDown: (event) => move(columns())(event),
    ArrowUp: (event) => move(-columns())(event),
    Home: move(-order.length),
    End: move(order.length),
    " ": () => {
      const cursor = cursorNow();
      if (cursor !== null) toggle(cursor, false);
    },
    Enter: () => {
      const cursor = cursorNow();
      if (cursor !== null) open(cursor);
    },
    Escape: () => open(null),
    a: () => choose(order.map((one) => one.number)),
    n: () => choose([]),
    i: () => {
      const chosen = chosenNow();
      choose(order.filter((one) => !chosen.has(one.number)).map((one) => one.number));
    },
    s: () => choose(suggestedAt(order, threshold)),
    "?": help,
  });
}
