/** Colours of points: of texts from the palette that colour-blind people tell apart, of numbers from a scale of light. */
import { columnDigits } from "./scale";
import { DATA_COLOURS, FLAG_COLOURS } from "@/theme";
import { formatTime, shown } from "@/components/format";

interface Colour {
  kind: "number" | "text";
  values: (number | null)[];
  low?: number | null;
  high?: number | null;
  labels?: string[];
  counts?: number[];
}

const UNKNOWN_COLOUR = "#9aa5b1";
const STEPS = 24;

/** From dark blue over green to yellow, equal steps of lightness, as viridis goes. */
const LIGHTS = ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#e3d21f"];

function lightOf(part: number): string {
  const step = Math.round(Math.min(1, Math.max(0, part)) * (STEPS - 1)) / (STEPS - 1);
  const at = step * (LIGHTS.length - 1);
  const [a, b] = [LIGHTS[Math.floor(at)]!, LIGHTS[Math.ceil(at)]!];
  const mix = (from: number) => Math.round(channel(a, from) + (channel(b, from) - channel(a, from)) * (at % 1));
  return `rgb(${mix(1)} ${mix(3)} ${mix(5)})`;
}

function channel(hex: string, from: number): number {
  return parseInt(hex.slice(from, from + 2), 16);
}

function colourOfLabel(column: string, label: string, n: number): string {
  return (column === "flag" && FLAG_COLOURS[label]) || DATA_COLOURS[n % DATA_COLOURS.length]!;
}

/** The colour of each point. */
export function colouring(column: string, colour: Colour | null, count: number): string[] {
  if (!colour) return new Array<string>(count).fill(DATA_COLOURS[0]);
  if (colour.kind === "text") {
    const fills = (colour.labels ?? []).map((label, n) => colourOfLabel(column, label, n));
    return colour.values.map((value) => fills[value ?? -1] ?? UNKNOWN_COLOUR);
  }
  const low = colour.low ?? 0;
  const span = (colour.high ?? 1) - low || 1;
  return colour.values.map((value) => (value === null ? UNKNOWN_COLOUR : lightOf((value - low) / span)));
}

/** What the colours mean. */
export function legendOf(column: string, colour: Colour | null): { label: string; colour: string; count?: number }[] {
  if (!colour) return [];
  if (colour.kind === "text") {
    const known = (colour.labels ?? []).map((label, n) => ({ label, colour: colourOfLabel(column, label, n), count: colour.counts?.[n] }));
    return colour.values.includes(-1) ? [...known, { label: "none", colour: UNKNOWN_COLOUR }] : known;
  }
  const { low, high } = colour;
  if (low == null || high == null) return [];
  const { scale, unit } = shown(column);
  const text = (value: number) => (column === "time" ? formatTime(value).slice(5, 16) : `${(value * scale).toFixed(columnDigits(column, high - low))}${unit ? ` ${unit}` : ""}`);
  return [0, 0.25, 0.5, 0.75, 1].map((part) => ({ label: text(low + part * (high - low)), colour: lightOf(part) }));
}
