/** Points and axes of a scatter plot on a canvas. */
import { formatTime } from "@/components/format";
import { ticks, type Scale, type Writing } from "./scale";
import type { ChartColours } from "./useChartColours";

export type Point = [x: number, y: number];

export interface ScatterPoints {
  x: number[];
  y: number[];
  ids: number[];
}

export interface ScatterPlan {
  width: number;
  height: number;
  points: ScatterPoints;
  colours: string[];
  across: Scale;
  up: Scale;
  x: Writing;
  y: Writing;
  xRange: [number, number];
  yRange: [number, number];
  selected: Set<number> | null;
  ink: ChartColours;
  left: number;
  foot: number;
  side: number;
}

export function drawScatter(canvas: HTMLCanvasElement, plan: ScatterPlan): void {
  const { width, height, ink } = plan;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = ink.quiet;
  context.strokeStyle = ink.grid;
  axes(context, plan);
  dots(context, plan);
}

function axes(context: CanvasRenderingContext2D, { width, height, across, up, x, y, xRange, yRange, left, foot, side }: ScatterPlan): void {
  const base = height - foot;
  context.beginPath();
  context.textAlign = "center";
  marksOf(x, xRange, Math.max(2, Math.floor(width / 90))).forEach(({ at, text }) => {
    const place = across.place(at);
    context.moveTo(place, side);
    context.lineTo(place, base);
    context.fillText(text, place, base + 14);
  });
  context.textAlign = "right";
  marksOf(y, yRange, 6).forEach(({ at, text }) => {
    const place = up.place(at);
    context.moveTo(left, place);
    context.lineTo(width - side, place);
    context.fillText(text, left - 6, place + 4);
  });
  context.stroke();
}

function marksOf({ unit, scale }: Writing, range: [number, number], count: number): { at: number; text: string }[] {
  const found = ticks(range[0] * scale, range[1] * scale, count);
  const step = found.length > 1 ? Math.abs(found[1]! - found[0]!) : 1;
  const digits = Math.max(0, Math.min(5, -Math.floor(Math.log10(step) + 1e-9)));
  return found.map((value) => ({ at: value / scale, text: unit === "time" ? formatTime(value).slice(5, 16) : value.toFixed(digits) }));
}

/** Many points of one colour at a time: a canvas is slow at changing colours. */
function dots(context: CanvasRenderingContext2D, { points, colours, across, up, selected, ink, width, height, left, foot, side }: ScatterPlan): void {
  const size = points.ids.length > 5000 ? 2 : points.ids.length > 1000 ? 3 : 5;
  const byColour = new Map<string, number[]>();
  for (let n = 0; n < points.ids.length; n++) {
    const colour = colours[n]!;
    const list = byColour.get(colour);
    if (list) list.push(n);
    else byColour.set(colour, [n]);
  }
  context.save();
  context.beginPath();
  context.rect(left, side, width - left - side, height - foot - side);
  context.clip();
  context.globalAlpha = points.ids.length > 5000 ? 0.65 : 0.85;
  for (const [colour, list] of byColour) {
    context.fillStyle = colour;
    for (const n of list) context.fillRect(across.place(points.x[n]!) - size / 2, up.place(points.y[n]!) - size / 2, size, size);
  }
  if (selected && selected.size > 0) {
    context.globalAlpha = 1;
    context.strokeStyle = ink.ink;
    for (let n = 0; n < points.ids.length; n++) {
      if (selected.has(points.ids[n]!)) context.strokeRect(across.place(points.x[n]!) - size / 2 - 1, up.place(points.y[n]!) - size / 2 - 1, size + 2, size + 2);
    }
  }
  context.restore();
}
