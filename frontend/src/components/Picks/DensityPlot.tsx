import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef, type KeyboardEvent, type PointerEvent } from "react";
import type { Schemas } from "@/client/client";
import { formatNumber } from "@/components/format";
import { useScreen } from "@/components/Viewer/useScreen";
import { stepOf } from "./LimitSlider";
import type { Limits } from "./picks";
import classes from "./Picks.module.css";

type Density = Pick<Schemas["Density"], "counts" | "score_edges" | "power_edges" | "kept_from">;
const PAD = { left: 46, right: 10, top: 8, bottom: 34 };

interface Given {
  density: Density;
  limits: Limits;
  change: (limits: Partial<Limits>) => void;
  height?: number;
}

/** How many picks have which score (right) and local power (up); a rectangle is drawn over those that are kept. */
export function DensityPlot({ density, limits, change, height = 340 }: Given) {
  const { ref, screen } = useScreen<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useComputedColorScheme("light") === "dark";
  const drag = useRef<{ x: number; y: number; edge: keyof Limits | null } | null>(null);
  const [xs, ys] = [density.score_edges, density.power_edges];
  const [x0, x1, y0, y1] = [xs[0]!, xs.at(-1)!, ys[0]!, ys.at(-1)!];
  const [w, h] = [Math.max(1, screen.width - PAD.left - PAD.right), height - PAD.top - PAD.bottom];
  const toX = (score: number) => PAD.left + (w * (Math.min(x1, Math.max(x0, score)) - x0)) / (x1 - x0);
  const toY = (power: number) => PAD.top + h * (1 - (Math.min(y1, Math.max(y0, power)) - y0) / (y1 - y0));
  const valueAt = (event: PointerEvent): [number, number] => {
    const box = ref.current!.getBoundingClientRect();
    const part = (at: number, length: number) => Math.min(1, Math.max(0, at / length));
    return [x0 + (x1 - x0) * part(event.clientX - box.left - PAD.left, w), y1 - (y1 - y0) * part(event.clientY - box.top - PAD.top, h)];
  };

  useEffect(() => {
    const element = canvas.current;
    if (!element || screen.width === 0) return;
    const scale = window.devicePixelRatio || 1;
    element.width = Math.round(screen.width * scale);
    element.height = Math.round(height * scale);
    const pen = element.getContext("2d")!;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, screen.width, height);
    paint(pen, density, { left: PAD.left, top: PAD.top, w, h }, dark);
  }, [density, screen, height, dark, w, h]);

  const [left, right] = [toX(limits.min_score ?? density.kept_from ?? x0), toX(limits.max_score ?? x1)];
  const [top, bottom] = [toY(limits.max_power ?? y1), toY(limits.min_power ?? y0)];
  const edges: { name: keyof Limits; label: string; x: number; y: number; flat: boolean; low: number; high: number }[] = [
    { name: "min_score", label: "Least score", x: left, y: (top + bottom) / 2, flat: false, low: x0, high: x1 },
    { name: "max_score", label: "Greatest score", x: right, y: (top + bottom) / 2, flat: false, low: x0, high: x1 },
    { name: "min_power", label: "Least power", x: (left + right) / 2, y: bottom, flat: true, low: y0, high: y1 },
    { name: "max_power", label: "Greatest power", x: (left + right) / 2, y: top, flat: true, low: y0, high: y1 },
  ];
  const limit = (name: keyof Limits, value: number) => {
    const end = { min_score: x0, max_score: x1, min_power: y0, max_power: y1 }[name];
    const free = name !== "min_score" && (name.startsWith("min") ? value <= end : value >= end);
    change({ [name]: free ? null : Number(value.toPrecision(4)) });
  };
  const box = (a: [number, number], b: [number, number]) => {
    const sorted = (i: 0 | 1) => [Math.min(a[i], b[i]), Math.max(a[i], b[i])] as const;
    const [s, p] = [sorted(0), sorted(1)];
    const near = (value: number, end: number, whole: number) => Math.abs(value - end) < 0.01 * whole;
    const digits = (value: number) => Number(value.toPrecision(4));
    change({
      min_score: digits(s[0]), max_score: near(s[1], x1, x1 - x0) ? null : digits(s[1]),
      min_power: near(p[0], y0, y1 - y0) ? null : digits(p[0]), max_power: near(p[1], y1, y1 - y0) ? null : digits(p[1]),
    });
  };
  const down = (event: PointerEvent) => {
    const [x, y] = valueAt(event);
    const rect = ref.current!.getBoundingClientRect();
    const [px, py] = [event.clientX - rect.left, event.clientY - rect.top];
    const inside = px > left - 8 && px < right + 8 && py > top - 8 && py < bottom + 8;
    const edge = inside ? edges.find((one) => Math.abs((one.flat ? py : px) - (one.flat ? one.y : one.x)) < 8) : undefined;
    drag.current = { x, y, edge: edge?.name ?? null };
    ref.current!.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const from = drag.current;
    if (!from) return;
    const [x, y] = valueAt(event);
    if (from.edge) limit(from.edge, from.edge.endsWith("score") ? x : y);
    else if (Math.abs(x - from.x) > 0.01 * (x1 - x0) || Math.abs(y - from.y) > 0.01 * (y1 - y0)) box([from.x, from.y], [x, y]);
  };
  const keys = (edge: (typeof edges)[number]) => (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const now = limits[edge.name] ?? (edge.name === "min_score" ? (density.kept_from ?? x0) : edge.name.startsWith("min") ? edge.low : edge.high);
    limit(edge.name, Math.min(edge.high, Math.max(edge.low, now + step * stepOf(edge.low, edge.high))));
  };
  const ink = "var(--mantine-color-text)";
  return (
    <div ref={ref} className={classes.plot} style={{ height }} onPointerDown={down} onPointerMove={move} onPointerUp={() => (drag.current = null)} onPointerCancel={() => (drag.current = null)}>
      <canvas ref={canvas} role="img" aria-label={`Picks over score, ${formatNumber(x0, 1)} to ${formatNumber(x1, 1)}, and local power, ${formatNumber(y0, 1)} to ${formatNumber(y1, 1)}`} />
      <svg width={screen.width} height={height} style={{ pointerEvents: "none" }}>
        <path d={`M${PAD.left} ${PAD.top}h${w}v${h}h${-w}zM${left} ${top}v${bottom - top}h${right - left}v${top - bottom}z`} fillRule="evenodd" fill={dark ? "#000" : "#fff"} opacity={0.55} />
        <rect x={left} y={top} width={Math.max(1, right - left)} height={Math.max(1, bottom - top)} fill="none" stroke={ink} strokeWidth={1.5} />
        {edges.map((edge) => (
          <g key={edge.name} className={classes.grip} style={{ pointerEvents: "all", cursor: edge.flat ? "ns-resize" : "ew-resize" }} role="slider" tabIndex={0} aria-label={edge.label} aria-valuemin={edge.low} aria-valuemax={edge.high} aria-valuenow={limits[edge.name] ?? (edge.name.startsWith("min") ? edge.low : edge.high)} aria-valuetext={limits[edge.name] === null ? (edge.name === "min_score" ? "as picked" : "no limit") : formatNumber(limits[edge.name], 2)} onKeyDown={keys(edge)}>
            <rect x={edge.x - (edge.flat ? 11 : 4)} y={edge.y - (edge.flat ? 4 : 11)} width={edge.flat ? 22 : 8} height={edge.flat ? 8 : 22} rx={3} fill="var(--mantine-color-body)" stroke={ink} strokeWidth={1.5} />
          </g>
        ))}
        <Ticks low={x0} high={x1} place={(value) => [toX(value), PAD.top + h]} flat />
        <Ticks low={y0} high={y1} place={(value) => [PAD.left, toY(value)]} />
        <text x={PAD.left + w / 2} y={height - 3} textAnchor="middle" fontSize={12} fill={ink}>score</text>
        <text x={12} y={PAD.top + h / 2} textAnchor="middle" fontSize={12} fill={ink} transform={`rotate(-90 12 ${PAD.top + h / 2})`}>local power</text>
      </svg>
    </div>
  );
}

function Ticks({ low, high, place, flat }: { low: number; high: number; place: (value: number) => [number, number]; flat?: boolean }) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough)!;
  const values = Array.from({ length: 12 }, (_, i) => Math.ceil(low / step) * step + i * step).filter((value) => value <= high + 1e-9);
  return (
    <g fontSize={11} fill="var(--mantine-color-dimmed)">
      {values.map((value) => {
        const [x, y] = place(value);
        return (
          <text key={value} x={flat ? x : x - 5} y={flat ? y + 14 : y + 4} textAnchor={flat ? "middle" : "end"}>
            {Number(value.toPrecision(4))}
          </text>
        );
      })}
    </g>
  );
}

/** Cells by the logarithm of their counts: the few good ones must be seen beside the many others. */
function paint(pen: CanvasRenderingContext2D, { counts }: Density, at: { left: number; top: number; w: number; h: number }, dark: boolean): void {
  pen.fillStyle = dark ? "#16181a" : "#f4f6f8";
  pen.fillRect(at.left, at.top, at.w, at.h);
  const most = Math.log1p(Math.max(1, ...counts.map((row) => Math.max(...row))));
  const [rows, columns] = [counts.length, counts[0]?.length ?? 0];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const count = counts[row]![column]!;
      if (count === 0) continue;
      pen.fillStyle = shade(0.15 + (0.85 * Math.log1p(count)) / most, dark);
      const [x, y] = [Math.floor(at.left + (at.w * column) / columns), Math.floor(at.top + at.h * (1 - (row + 1) / rows))];
      pen.fillRect(x, y, Math.ceil(at.w / columns), Math.ceil(at.h / rows));
    }
  }
}

const LIGHT = [[214, 232, 245], [86, 160, 211], [0, 82, 140], [3, 30, 66]];
const DARK = [[24, 52, 84], [30, 110, 170], [120, 190, 220], [255, 240, 74]];

function shade(part: number, dark: boolean): string {
  const stops = dark ? DARK : LIGHT;
  const at = Math.min(stops.length - 1.001, part * (stops.length - 1));
  const [a, b] = [stops[Math.floor(at)]!, stops[Math.floor(at) + 1]!];
  return `rgb(${a.map((value, i) => Math.round(value + (b[i]! - value) * (at % 1))).join(",")})`;
}
