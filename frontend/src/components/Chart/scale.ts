/** Scales of charts: pixels from values and back, round ticks, sensible steps. */
import { largerIsWorse, shown } from "@/components/format";

export interface Scale {
  /** Value → px from the left. */
  place: (value: number) => number;
  /** px from the left → value. */
  value: (place: number) => number;
}

/** Linear from `low` at `start` to `high` at `end`; turned where larger is worse, so that good is on the right. */
export function linear(low: number, high: number, start: number, end: number, turned = false): Scale {
  const span = high - low || 1;
  const [from, to] = turned ? [end, start] : [start, end];
  return {
    place: (value) => from + ((value - low) / span) * (to - from),
    value: (place) => low + ((place - from) / (to - from || 1)) * span,
  };
}

/** Round numbers between `low` and `high`, about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => span / n <= count) ?? 10 * power;
  const found: number[] = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) found.push(n * step);
  return found;
}

/** Digits that tell numbers of this span apart. */
export function digitsFor(span: number): number {
  if (!(span > 0)) return 0;
  return Math.max(0, Math.min(6, Math.ceil(-Math.log10(span) + 0.3)));
}

/** How the values of a column are written in a chart: scale to the unit that people know, digits, which side is good. */
export interface Writing {
  unit: string | null;
  scale: number;
  turned: boolean;
  /** A catalogue's value as text without its unit. */
  text: (value: number | null | undefined) => string;
}

export function writing(column: string, unit: string | null | undefined, span: number): Writing {
  const { unit: own, scale, digits } = shown(column, unit);
  const fine = digitsFor((span * scale) / 100);
  const places = fine > digits + 1 ? Math.min(fine, digits + 2) : digits;
  return {
    unit: own,
    scale,
    turned: largerIsWorse(column),
    text: (value) => (value === null || value === undefined || !Number.isFinite(value) ? "–" : (value * scale).toFixed(places)),
  };
}

/** `value` on the grid of a hundredth of the span, so that a dragged limit is a number that people would type. */
export function rounded(value: number, span: number, scale: number): number {
  const digits = digitsFor((span * scale) / 100);
  return Number((value * scale).toFixed(digits)) / scale;
}

/** Digits for values of a column that are spread over a span (catalogue's unit). */
export function columnDigits(column: string, span: number): number {
  const { digits, scale } = shown(column);
  return Math.max(digits, digitsFor((span * scale) / 20));
}
