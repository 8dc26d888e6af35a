/** Choosing rows with the mouse: click, Shift, Ctrl, drawing over rows with scrolling at the edges. */
import { useCallback, useEffect, useRef, type MouseEvent, type PointerEvent as Pointer, type RefObject } from "react";
import type { Rows } from "./pages";
import type { Choice } from "./selection";

interface Given {
  scroll: RefObject<HTMLDivElement | null>;
  head: number;
  row: number;
  total: number;
  choice: Choice;
  rows: Rows;
  onOpen: (id: number) => void;
  onHover: (id: number | null) => void;
  /** Begins to drag what is chosen, to a group. */
  onDrag: ((event: PointerEvent) => void) | undefined;
}

const EDGE = 32;
const REST = 280;

export function usePick(given: Given) {
  const now = useRef(given);
  now.current = given;
  const pressed = useRef<{ y: number; moved: boolean; keep: boolean; index: number; held: boolean } | null>(null);
  /** After drawing over rows the browser sends a click too, which means nothing. */
  const drawn = useRef(false);
  const frame = useRef(0);
  const rest = useRef<number | undefined>(undefined);

  const indexAt = useCallback((y: number) => {
    const { scroll, head, row, total } = now.current;
    const box = scroll.current!.getBoundingClientRect();
    const place = Math.floor((y - box.top + scroll.current!.scrollTop - head) / row);
    return Math.min(total - 1, Math.max(0, place));
  }, []);

  const step = useCallback(() => {
    const { scroll, head, choice } = now.current;
    const at = pressed.current;
    if (!at || !at.moved || !scroll.current) return;
    const box = scroll.current.getBoundingClientRect();
    const over = at.y > box.bottom - EDGE ? at.y - (box.bottom - EDGE) : at.y < box.top + head + EDGE ? at.y - (box.top + head + EDGE) : 0;
    if (over) scroll.current.scrollTop += Math.sign(over) * Math.min(60, 4 + Math.abs(over) / 2);
    choice.extend(indexAt(Math.min(box.bottom - 1, Math.max(box.top + head, at.y))), at.keep, false);
    frame.current = over ? requestAnimationFrame(step) : 0;
  }, [indexAt]);

  useEffect(() => {
    const move = (event: PointerEvent) => {
      const at = pressed.current;
      if (!at || at.held) return;
      if (!at.moved && Math.abs(event.clientY - at.y) < 4) return;
      at.moved = true;
      at.y = event.clientY;
      if (!frame.current) frame.current = requestAnimationFrame(() => ((frame.current = 0), step()));
    };
    const up = () => {
      const at = pressed.current;
      pressed.current = null;
      cancelAnimationFrame(frame.current);
      frame.current = 0;
      if (!at?.moved) return;
      drawn.current = true;
      now.current.choice.extend(indexAt(at.y), at.keep, true);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
    return () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
      cancelAnimationFrame(frame.current);
      window.clearTimeout(rest.current);
    };
  }, [indexAt, step]);

  const rowOf = (event: { target: EventTarget }) => {
    const found = (event.target as Element).closest<HTMLElement>("[data-row]");
    return found ? Number(found.dataset.row) : null;
  };
  return {
    onPointerDown: (event: Pointer) => {
      drawn.current = false;
      const index = rowOf(event);
      if (index === null || event.button !== 0 || event.pointerType === "touch") return;
      const { choice, rows, onDrag } = now.current;
      const item = rows.at(index);
      const held = onDrag !== undefined && !event.shiftKey && !event.ctrlKey && !event.metaKey && item !== undefined && choice.ids.has(item.id) && choice.ids.size > 1;
      pressed.current = { y: event.clientY, moved: false, keep: event.ctrlKey || event.metaKey, index, held };
      if (held) onDrag(event.nativeEvent);
      else if (event.shiftKey) choice.extend(index, event.ctrlKey || event.metaKey);
      else if (event.ctrlKey || event.metaKey) choice.toggle(index);
      else choice.go(index);
    },
    onClick: (event: MouseEvent) => {
      const index = rowOf(event);
      const item = index === null ? undefined : now.current.rows.at(index);
      if (item && (event.nativeEvent as globalThis.PointerEvent).pointerType === "touch") return now.current.choice.go(index!);
      const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey;
      if (item && plain && now.current.choice.ids.size > 1 && now.current.choice.ids.has(item.id) && event.detail === 1 && !drawn.current) {
        now.current.choice.go(index!);
      }
    },
    onDoubleClick: (event: MouseEvent) => {
      const index = rowOf(event);
      const item = index === null ? undefined : now.current.rows.at(index);
      if (item) now.current.onOpen(item.id);
    },
    onPointerOver: (event: Pointer) => {
      if (event.pointerType === "touch" || pressed.current) return;
      const index = rowOf(event);
      window.clearTimeout(rest.current);
      if (index === null) return;
      rest.current = window.setTimeout(() => now.current.onHover(now.current.rows.at(index)?.id ?? null), REST);
    },
    onPointerLeave: () => {
      window.clearTimeout(rest.current);
      now.current.onHover(null);
    },
  };
}
