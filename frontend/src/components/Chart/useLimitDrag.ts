/** Two limits moved by pointer or keys: at once on the screen, told to the owner a few times a second and at the end. */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";

export type Limits = [low: number | null, high: number | null];

interface Given {
  limits: Limits;
  range: [number, number];
  /** px in the drawing's box → value, on a round number. */
  valueAt: (place: number) => number;
  turned: boolean;
  tell?: (low: number | null, high: number | null) => void;
}

const EVERY = 150;

export function useLimitDrag({ limits, range, valueAt, turned, tell }: Given) {
  const [drawn, setDrawn] = useState<Limits | null>(null);
  const moving = useRef<0 | 1 | null>(null);
  const last = useRef(0);
  const now = drawn ?? limits;
  const [low, high] = limits;

  // What the owner says counts again once it has followed.
  useEffect(() => {
    if (moving.current === null) setDrawn(null);
  }, [low, high]);

  const set = (side: 0 | 1, value: number, done: boolean) => {
    const next: Limits = [...now];
    const other = next[1 - side];
    const most = side === 0 ? (other ?? range[1]) : range[1];
    const least = side === 1 ? (other ?? range[0]) : range[0];
    const kept = Math.min(most, Math.max(least, value));
    next[side] = (side === 0 && kept <= range[0]) || (side === 1 && kept >= range[1]) ? null : kept;
    setDrawn(next);
    if (done || performance.now() - last.current > EVERY) {
      last.current = performance.now();
      tell?.(...next);
    }
  };

  return {
    now,
    handle: (side: 0 | 1) => ({
      onPointerDown: (event: PointerEvent<SVGElement>) => {
        moving.current = side;
        event.currentTarget.setPointerCapture(event.pointerId);
        event.currentTarget.focus();
        event.preventDefault();
      },
      onPointerMove: (event: PointerEvent<SVGElement>) => {
        if (moving.current === side) set(side, valueAt(inBox(event)), false);
      },
      onPointerUp: (event: PointerEvent<SVGElement>) => {
        if (moving.current !== side) return;
        moving.current = null;
        set(side, valueAt(inBox(event)), true);
      },
      onPointerCancel: () => {
        moving.current = null;
        setDrawn(null);
      },
      onKeyDown: (event: KeyboardEvent<SVGElement>) => {
        const moved = stepOf(event, turned);
        if (moved === null) return;
        event.preventDefault();
        const span = range[1] - range[0];
        const from = now[side] ?? range[side];
        set(side, moved === "start" ? range[0] : moved === "end" ? range[1] : from + (moved * span) / 100, true);
      },
    }),
  };
}

function inBox(event: PointerEvent<SVGElement>): number {
  const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect();
  return event.clientX - (box?.left ?? 0);
}

/** Hundredths of the range; left and right go as they look, up and down as the value does. */
function stepOf(event: KeyboardEvent, turned: boolean): number | "start" | "end" | null {
  const size = event.shiftKey ? 10 : 1;
  const side = turned ? -1 : 1;
  switch (event.key) {
    case "ArrowRight": return side * size;
    case "ArrowLeft": return -side * size;
    case "ArrowUp": return size;
    case "ArrowDown": return -size;
    case "PageUp": return 10;
    case "PageDown": return -10;
    case "Home": return "start";
    case "End": return "end";
    default: return null;
  }
}
