import { useRef, type KeyboardEvent, type PointerEvent } from "react";
import { limitsOf, type Contrast } from "./contrast";
import type { Facts } from "./place";
import classes from "./Viewer.module.css";

const W = 240;
const H = 84;

interface Given {
  histogram: NonNullable<Facts["histogram"]>;
  range: { dark: number; bright: number };
  contrast: Contrast;
  change: (contrast: Contrast) => void;
}

/** Values of the image with two limits that are dragged, or moved by the arrow keys. */
export function Histogram({ histogram, range, contrast, change }: Given) {
  const box = useRef<SVGSVGElement>(null);
  const dragged = useRef<"low" | "high" | null>(null);
  const { counts, low: first, high: last } = histogram;
  const most = Math.log1p(Math.max(...counts));
  const x = (value: number) => (W * (value - first)) / (last - first);
  const [low, high] = limitsOf(contrast, range);
  const width = range.bright - range.dark;
  const set = (which: "low" | "high", value: number) => {
    const part = (value - range.dark) / width;
    const least = 0.01;
    change(which === "low" ? { ...contrast, low: Math.min(part, contrast.high - least) } : { ...contrast, high: Math.max(part, contrast.low + least) });
  };
  const valueAt = (event: PointerEvent) => {
    const seen = box.current!.getBoundingClientRect();
    return first + ((last - first) * (event.clientX - seen.left)) / seen.width;
  };
  const down = (event: PointerEvent) => {
    const value = valueAt(event);
    dragged.current = Math.abs(value - low) < Math.abs(value - high) ? "low" : "high";
    box.current!.setPointerCapture(event.pointerId);
    set(dragged.current, value);
  };
  const keys = (which: "low" | "high") => (event: KeyboardEvent) => {
    const step = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(which, (which === "low" ? low : high) + step * (last - first));
  };
  const bars = counts.map((n, i) => `L${((i * W) / counts.length).toFixed(1)} ${(H - (H - 6) * (Math.log1p(n) / most)).toFixed(1)}`).join("");
  return (
    <svg
      ref={box}
      className={classes.histogram}
      viewBox={`0 0 ${W} ${H}`}
      preserveAspectRatio="none"
      role="group"
      aria-label="Histogram of values with limits of the grey levels"
      onPointerDown={down}
      onPointerMove={(event) => dragged.current && set(dragged.current, valueAt(event))}
      onPointerUp={() => (dragged.current = null)}
    >
      <path d={`M0 ${H}${bars}L${W} ${H}Z`} fill="#78838d" />
      <path d={contrast.invert ? `M${x(low)} 2L${x(high)} ${H - 2}` : `M${x(low)} ${H - 2}L${x(high)} 2`} stroke="#e6e8ea" strokeWidth={1} strokeDasharray="3 3" />
      {(["low", "high"] as const).map((which) => {
        const value = which === "low" ? low : high;
        return (
          <g key={which} className={classes.handle} role="slider" tabIndex={0} onKeyDown={keys(which)} aria-label={which === "low" ? "Darkest value" : "Brightest value"} aria-valuenow={value} aria-valuemin={first} aria-valuemax={last}>
            <rect x={x(value) - 8} width={16} height={H} fill="transparent" />
            <rect x={x(value) - 1.5} width={3} height={H} fill={which === "low" ? "#56b4e9" : "#e69f00"} />
          </g>
        );
      })}
    </svg>
  );
}
