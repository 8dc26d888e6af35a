import { useElementSize } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState, type PointerEvent } from "react";
import { drawScatter, type Point, type ScatterPoints } from "./scatterDraw";
import { linear, type Scale, type Writing } from "./scale";
import { useChartColours } from "./useChartColours";

export interface ScatterProps {
  label: string;
  points: ScatterPoints;
  /** Colour of each point. */
  colours: string[];
  x: Writing;
  y: Writing;
  xRange: [number, number];
  yRange: [number, number];
  selected: Set<number> | null;
  height?: number;
  /** Drawn around points, in the units of the columns. */
  onLasso: (outline: Point[]) => void;
  onPick: (id: number) => void;
  /** What is told of a point. */
  tell: (index: number) => string;
}

const LEFT = 52;
const FOOT = 34;
const SIDE = 10;

/** Points on a canvas; a line drawn around some chooses them, a click shows one. */
export function Scatter({ label, points, colours, x, y, xRange, yRange, selected, height = 320, onLasso, onPick, tell }: ScatterProps) {
  const { ref, width } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const [line, setLine] = useState<Point[] | null>(null);
  const ink = useChartColours();
  const across = useMemo(() => linear(xRange[0], xRange[1], LEFT, Math.max(LEFT + 1, width - SIDE), x.turned), [xRange, width, x.turned]);
  // Up is good: a larger value is drawn below where larger is worse.
  const up = useMemo(() => linear(yRange[0], yRange[1], height - FOOT, SIDE, y.turned), [yRange, height, y.turned]);
  useEffect(() => {
    const target = canvas.current;
    if (!target || width === 0) return;
    const frame = requestAnimationFrame(() =>
      drawScatter(target, { width, height, points, colours, across, up, x, y, xRange, yRange, selected, ink, left: LEFT, foot: FOOT, side: SIDE }),
    );
    return () => cancelAnimationFrame(frame);
  }, [width, height, points, colours, across, up, x, y, xRange, yRange, selected, ink]);

  const at = (event: PointerEvent): Point => {
    const box = event.currentTarget.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const move = (event: PointerEvent) => {
    const here = at(event);
    if (line) {
      const last = line[line.length - 1]!;
      if (Math.hypot(here[0] - last[0], here[1] - last[1]) > 4) setLine([...line, here]);
      return;
    }
    const found = nearest(points, across, up, here);
    if (!tip.current) return;
    tip.current.hidden = found < 0;
    if (found < 0) return;
    tip.current.textContent = tell(found);
    tip.current.style.left = `${Math.min(here[0] + 12, width - 190)}px`;
    tip.current.style.top = `${Math.max(0, here[1] - 44)}px`;
  };
  const end = (event: PointerEvent) => {
    if (!line) return;
    setLine(null);
    if (line.length < 4) {
      const found = nearest(points, across, up, at(event));
      if (found >= 0) onPick(points.ids[found]!);
      return;
    }
    const every = Math.ceil(line.length / 80);
    onLasso(line.filter((_, n) => n % every === 0).map(([px, py]) => [across.value(px), up.value(py)]));
  };
  return (
    <div ref={ref} style={{ position: "relative", height, width: "100%", minWidth: 0 }}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        style={{ width: "100%", height, display: "block", cursor: "crosshair", touchAction: "pan-y" }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setLine([at(event)]);
        }}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={() => setLine(null)}
        onPointerLeave={() => tip.current && (tip.current.hidden = true)}
      />
      {line && (
        <svg style={{ position: "absolute", inset: 0, pointerEvents: "none" }} width={width} height={height} aria-hidden>
          <polygon points={line.map((point) => point.join(",")).join(" ")} fill="var(--chart-select)" stroke="var(--chart-ink)" strokeDasharray="4 3" />
        </svg>
      )}
      <div ref={tip} hidden style={{ position: "absolute", pointerEvents: "none", whiteSpace: "pre", fontSize: 12, padding: "2px 6px", background: "var(--panel)", border: "1px solid var(--line)", borderRadius: 4 }} />
    </div>
  );
}

/** The point within 8 px of a place, -1 where none. */
function nearest(points: ScatterPoints, across: Scale, up: Scale, [px, py]: Point): number {
  let best = -1;
  let least = 64;
  for (let n = 0; n < points.ids.length; n++) {
    const dx = across.place(points.x[n]!) - px;
    if (dx > 8 || dx < -8) continue;
    const dy = up.place(points.y[n]!) - py;
    const away = dx * dx + dy * dy;
    if (away < least) [best, least] = [n, away];
  }
  return best;
}
