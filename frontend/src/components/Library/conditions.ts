/** The conditions of the filter bar: each is a text in the language of filters; simple limits are read back. */
import { largerIsWorse, shown } from "@/components/format";
import { labelOf } from "./columns";

export interface Limits {
  column: string;
  low: number | null;
  high: number | null;
}

const NUMBER = "(-?\\d+(?:\\.\\d+)?(?:[eE][-+]?\\d+)?)";
const BETWEEN = new RegExp(`^${NUMBER} <= ([a-z_][a-z0-9_]*) <= ${NUMBER}$`);
const ABOVE = new RegExp(`^([a-z_][a-z0-9_]*) >= ${NUMBER}$`);
const BELOW = new RegExp(`^([a-z_][a-z0-9_]*) <= ${NUMBER}$`);

/** `5000 <= defocus <= 40000` → its limits; `null` for anything else. */
export function readLimits(text: string): Limits | null {
  let found = BETWEEN.exec(text);
  if (found) return { column: found[2]!, low: Number(found[1]), high: Number(found[3]) };
  found = ABOVE.exec(text);
  if (found) return { column: found[1]!, low: Number(found[2]), high: null };
  found = BELOW.exec(text);
  return found ? { column: found[1]!, low: null, high: Number(found[2]) } : null;
}

/** Limits as a condition; `null` without any. */
export function writeLimits({ column, low, high }: Limits): string | null {
  if (low !== null && high !== null) return `${plain(low)} <= ${column} <= ${plain(high)}`;
  if (low !== null) return `${column} >= ${plain(low)}`;
  return high === null ? null : `${column} <= ${plain(high)}`;
}

function plain(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** The conditions with the limits of one column replaced. */
export function withLimits(conditions: string[], limits: Limits): string[] {
  const text = writeLimits(limits);
  const others = conditions.filter((entry) => readLimits(entry)?.column !== limits.column);
  return text ? [...others, text] : others;
}

export function limitsOf(conditions: string[], column: string): Limits {
  for (const entry of conditions) {
    const found = readLimits(entry);
    if (found?.column === column) return found;
  }
  return { column, low: null, high: null };
}

/** All conditions as one. */
export function joined(conditions: string[]): string {
  if (conditions.length < 2) return conditions[0] ?? "";
  return conditions.map((entry) => (/\bor\b/.test(entry) ? `(${entry})` : entry)).join(" and ");
}

/** A condition as a chip says it: limits in the units that people know. */
export function chipText(text: string): string {
  const limits = readLimits(text);
  if (!limits) return text;
  const { unit, scale } = shown(limits.column);
  const say = (value: number) => String(Number((value * scale).toPrecision(4)));
  const behind = unit ? ` ${unit}` : "";
  const name = labelOf(limits.column);
  if (limits.low !== null && limits.high !== null) return `${say(limits.low)} ≤ ${name} ≤ ${say(limits.high)}${behind}`;
  return limits.low !== null ? `${name} ≥ ${say(limits.low)}${behind}` : `${name} ≤ ${say(limits.high!)}${behind}`;
}

export interface Bounds {
  mild_low: number | null;
  mild_high: number | null;
  severe_low: number | null;
  severe_high: number | null;
}

/** How bad a value is by the project's limits. */
export function badness(bounds: Bounds | undefined, value: unknown): "" | "mild" | "severe" {
  if (!bounds || typeof value !== "number") return "";
  const outside = (low: number | null, high: number | null) => (low !== null && value < low) || (high !== null && value > high);
  if (outside(bounds.severe_low, bounds.severe_high)) return "severe";
  return outside(bounds.mild_low, bounds.mild_high) ? "mild" : "";
}

export { largerIsWorse };
