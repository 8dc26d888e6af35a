/** What a time panel shows, and how uPlot draws it: points or band and line, limits, alarms, what is far out. */
import type uPlot from "uplot";
import { formatTime } from "@/components/format";
import { ticks, type Writing } from "./scale";
import type { ChartColours } from "./useChartColours";

export interface PanelLimits {
  mild_low: number | null;
  mild_high: number | null;
  severe_low: number | null;
  severe_high: number | null;
}

export interface AlarmMark {
  /** That it is about; `null` is all. */
  column: string | null;
  time: number;
  severity: string;
}

export interface PanelData {
  /** s since 1970. */
  times: number[];
  values: (number | null)[];
  /** Where points stand for several images. */
  least?: (number | null)[] | null;
  greatest?: (number | null)[] | null;
  /** Ends of the scale in the catalogue's unit. */
  low: number;
  high: number;
  limits?: PanelLimits | null;
  /** Counts are drawn as steps. */
  steps?: boolean;
  /** Samples of one thing, joined by a line where nothing is missing between. */
  line?: boolean;
}

/** What the drawing looks up at each draw; kept in a ref, so that a change needs no new plot. */
export interface PanelState {
  data: PanelData;
  colours: ChartColours;
  window: [number, number];
  selected: [number, number] | null;
  alarms: AlarmMark[];
  writing: Writing;
}

export const LEFT = 54;
export const RIGHT = 10;
export const TOP = 6;
export const BASE = 6;
export const FOOT = 22;

/** Ends of the scale with a little air. */
export function padded(data: PanelData): [number, number] {
  const air = (data.high - data.low) * 0.06 || Math.abs(data.high) * 0.05 || 1;
  return [data.low - (data.low === 0 ? 0 : air), data.high + air];
}

export function alignedData(data: PanelData): uPlot.AlignedData {
  const rows: (number | null)[][] = [data.values];
  if (data.least && data.greatest) rows.push(data.greatest, data.least);
  return [data.times, ...rows] as uPlot.AlignedData;
}

type Hooks = Pick<uPlot.Hooks.Arrays, "setSelect" | "setCursor">;

export function plotOptions(state: { current: PanelState }, size: { width: number; height: number }, foot: boolean, stepped: uPlot.Series.PathBuilder | undefined, hooks: Hooks): uPlot.Options {
  const now = () => state.current;
  const { data } = now();
  const many = Boolean(data.least);
  const line = many || data.steps || data.line;
  const series: uPlot.Series[] = [
    {},
    {
      stroke: () => now().colours.point,
      width: data.steps ? 0 : line ? 1.5 : 0,
      paths: data.steps ? stepped : line ? undefined : () => null,
      points: { show: !line, size: 4, width: 0, fill: () => now().colours.point, stroke: "transparent" },
      fill: data.steps ? () => now().colours.point : undefined,
      spanGaps: false,
    },
  ];
  if (many) series.push({ stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } });
  return {
    ...size,
    pxAlign: 0,
    padding: [TOP, RIGHT, foot ? 0 : BASE, 0],
    legend: { show: false },
    cursor: {
      y: false,
      sync: { key: "session", setSeries: false },
      drag: { x: true, y: false, setScale: false, dist: 4 },
      points: { size: 8, fill: () => now().colours.ink, stroke: () => now().colours.ink, show: true },
      dataIdx: nearest,
    },
    scales: {
      x: { time: true, range: () => now().window },
      y: { range: () => padded(now().data), dir: now().writing.turned ? -1 : 1 },
    },
    series,
    bands: many ? [{ series: [2, 3], fill: () => now().colours.band }] : [],
    axes: [timeAxis(now, foot), valueAxis(now)],
    hooks: { ...hooks, drawClear: [(u) => ground(u, now())], draw: [(u) => marks(u, now())] },
  };
}

/** The nearest point that has a value. */
function nearest(u: uPlot, seriesIndex: number, index: number): number {
  const values = u.data[seriesIndex]!;
  if (seriesIndex === 0 || values[index] != null) return index;
  for (let away = 1; away < 40; away++) {
    if (values[index - away] != null) return index - away;
    if (values[index + away] != null) return index + away;
  }
  return index;
}

const FONT = "11px system-ui, sans-serif";

function timeAxis(now: () => PanelState, foot: boolean): uPlot.Axis {
  return {
    show: true,
    size: foot ? FOOT : 0,
    font: FONT,
    gap: 4,
    space: 70,
    stroke: () => now().colours.quiet,
    grid: { stroke: () => now().colours.grid, width: 1 },
    ticks: { show: foot, size: 3, stroke: () => now().colours.quiet },
    values: foot ? (_u, splits, _a, _s, step) => splits.map((at) => clock(at, step)) : () => [],
  };
}

function clock(at: number, step: number): string {
  const text = formatTime(at);
  const date = new Date(at * 1000);
  const day = `${date.getDate()} ${date.toLocaleString("en", { month: "short" })}`;
  if (step >= 86400) return day;
  return text.slice(11, 16) === "00:00" ? day : step < 60 ? text.slice(11, 19) : text.slice(11, 16);
}

function valueAxis(now: () => PanelState): uPlot.Axis {
  return {
    size: LEFT,
    font: FONT,
    gap: 4,
    stroke: () => now().colours.quiet,
    grid: { stroke: () => now().colours.grid, width: 1 },
    ticks: { show: false },
    splits: () => {
      const { data, writing } = now();
      const [low, high] = padded(data);
      return ticks(low * writing.scale, high * writing.scale, 4).map((value) => value / writing.scale);
    },
    values: (_u, splits) => {
      const { scale } = now().writing;
      const step = splits.length > 1 ? Math.abs(splits[1]! - splits[0]!) * scale : 1;
      const digits = Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9)));
      return splits.map((value) => (value * scale).toFixed(digits));
    },
  };
}

/** Behind the points: the selected stretch. */
function ground(u: uPlot, state: PanelState): void {
  if (!state.selected) return;
  const [from, to] = state.selected.map((at) => u.valToPos(at, "x", true)) as [number, number];
  const { left, top, width, height } = u.bbox;
  const [a, b] = [Math.max(left, from), Math.min(left + width, to)];
  if (b <= a) return;
  u.ctx.save();
  u.ctx.fillStyle = state.colours.select;
  u.ctx.fillRect(a, top, b - a, height);
  u.ctx.restore();
}

/** Over the points: limits, alarms, and what is far out. */
function marks(u: uPlot, state: PanelState): void {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (const [name, level] of Object.entries(state.data.limits ?? {})) {
    if (typeof level === "number") limitLine(u, state, name, level);
  }
  for (const alarm of state.alarms) alarmMark(u, state, alarm);
  farOut(u, state);
  ctx.restore();
}

function limitLine(u: uPlot, state: PanelState, name: string, level: number): void {
  const mild = name.startsWith("mild");
  const at = Math.round(u.valToPos(level, "y", true));
  const { ctx } = u;
  ctx.strokeStyle = mild ? state.colours.mild : state.colours.severe;
  ctx.lineWidth = devicePixelRatio * 1.5;
  ctx.setLineDash(mild ? [6 * devicePixelRatio, 4 * devicePixelRatio] : []);
  ctx.beginPath();
  ctx.moveTo(u.bbox.left, at);
  ctx.lineTo(u.bbox.left + u.bbox.width, at);
  ctx.stroke();
  ctx.setLineDash([]);
}

function alarmMark(u: uPlot, state: PanelState, alarm: AlarmMark): void {
  const at = Math.round(u.valToPos(alarm.time, "x", true));
  const { ctx } = u;
  const size = 5 * devicePixelRatio;
  ctx.fillStyle = ctx.strokeStyle = alarm.severity === "severe" ? state.colours.severe : state.colours.mild;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(at, u.bbox.top);
  ctx.lineTo(at, u.bbox.top + u.bbox.height);
  ctx.globalAlpha = 0.55;
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.beginPath();
  ctx.moveTo(at - size, u.bbox.top);
  ctx.lineTo(at + size, u.bbox.top);
  ctx.lineTo(at, u.bbox.top + size * 1.4);
  ctx.fill();
}

/** Triangles at the edge of the scale, pointing to where the values are. */
function farOut(u: uPlot, state: PanelState): void {
  const { data, writing, colours } = state;
  const size = 4 * devicePixelRatio;
  const { top, height } = u.bbox;
  const [from, to] = state.window;
  u.ctx.fillStyle = colours.alarm;
  const draw = (time: number, up: boolean) => {
    if (time < from || time > to) return;
    const at = u.valToPos(time, "x", true);
    const edge = up ? top + 1 : top + height - 1;
    const inner = up ? edge + 1.5 * size : edge - 1.5 * size;
    u.ctx.beginPath();
    u.ctx.moveTo(at - size, inner);
    u.ctx.lineTo(at + size, inner);
    u.ctx.lineTo(at, edge);
    u.ctx.fill();
  };
  // Values come with six significant digits, of which a narrow scale has few.
  const slack = (data.high - data.low) * 1e-4 + Math.max(Math.abs(data.low), Math.abs(data.high)) * 5e-6;
  const most = data.greatest ?? data.values;
  const least = data.least ?? data.values;
  for (let n = 0; n < data.times.length; n++) {
    if ((most[n] ?? data.high) > data.high + slack) draw(data.times[n]!, !writing.turned);
    if ((least[n] ?? data.low) < data.low - slack) draw(data.times[n]!, writing.turned);
  }
}
