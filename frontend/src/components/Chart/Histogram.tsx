import { useElementSize } from "@mantine/hooks";
import { useMemo } from "react";
import { formatCount } from "@/components/format";
import "./chart.css";
import { linear, rounded, ticks, writing, type Scale, type Writing } from "./scale";
import { useLimitDrag, type Limits } from "./useLimitDrag";

export interface HistogramProps {
  column: string;
  /** n + 1 rising numbers in the catalogue's unit. */
  edges: number[];
  counts: number[];
  unit?: string | null;
  low?: number | null;
  high?: number | null;
  /** Where given, two limits can be dragged; `null` is no limit. */
  onLimits?: (low: number | null, high: number | null) => void;
  /** Of the same parts: how many a filter leaves. */
  selected?: number[];
  /** How many are outside the edges. */
  below?: number;
  above?: number;
  height?: number;
}

const SIDE = 10;
const FOOT = 18;
const HEAD = 16;

/** Bars with two limits that are dragged, or moved by the arrow keys; good is on the right. */
export function Histogram({ column, edges, counts, unit, low = null, high = null, onLimits, selected, below = 0, above = 0, height = 120 }: HistogramProps) {
  const { ref, width } = useElementSize();
  const known = edges.length > 1;
  const range: [number, number] = known ? [edges[0]!, edges[edges.length - 1]!] : [0, 1];
  const span = range[1] - range[0];
  const told = writing(column, unit, span);
  const scale = useMemo(() => linear(range[0], range[1], SIDE, Math.max(SIDE + 1, width - SIDE), told.turned), [range[0], range[1], width, told.turned]);
  const { now, handle } = useLimitDrag({
    limits: [low, high],
    range,
    valueAt: (place) => rounded(scale.value(place), span, told.scale),
    turned: told.turned,
    tell: onLimits,
  });
  const total = counts.reduce((sum, n) => sum + n, 0);
  return (
    <div ref={ref} style={{ height, width: "100%", minWidth: 0 }} role="group" aria-label={sentenceOf(column, told, range, total, known)}>
      {known && width > 0 && (
        <svg width={width} height={height} style={{ display: "block", overflow: "visible" }}>
          <Bars edges={edges} counts={counts} selected={selected} scale={scale} height={height} limits={now} />
          <Axis scale={scale} range={range} told={told} width={width} height={height} outside={[below, above]} />
          {onLimits && ([0, 1] as const).map((side) => (
            <Limit key={side} side={side} column={column} value={now[side]} range={range} scale={scale} height={height} width={width} told={told} events={handle(side)} />
          ))}
        </svg>
      )}
    </div>
  );
}

function sentenceOf(column: string, told: Writing, range: [number, number], total: number, known: boolean): string {
  if (!known) return `Histogram of ${column}: no value is known`;
  return `Histogram of ${column}: ${formatCount(total)} values from ${told.text(range[0])} to ${told.text(range[1])} ${told.unit ?? ""}`.trim();
}

function Bars({ edges, counts, selected, scale, height, limits }: {
  edges: number[]; counts: number[]; selected?: number[]; scale: Scale; height: number; limits: Limits;
}) {
  const room = height - FOOT - HEAD;
  const most = Math.max(1, ...counts);
  const [low, high] = [limits[0] ?? -Infinity, limits[1] ?? Infinity];
  const bar = (n: number, count: number, colour: string, key: string) => {
    if (count <= 0) return null;
    const [a, b] = [scale.place(edges[n]!), scale.place(edges[n + 1]!)];
    const tall = Math.max(1.5, (count / most) * room);
    return <rect key={key} x={Math.min(a, b) + 0.5} width={Math.max(0.5, Math.abs(b - a) - 1)} y={height - FOOT - tall} height={tall} fill={colour} />;
  };
  return (
    <g aria-hidden>
      {counts.map((count, n) => {
        const middle = (edges[n]! + edges[n + 1]!) / 2;
        const inside = middle >= low && middle <= high && !selected;
        return bar(n, count, inside ? "var(--chart-bar)" : "var(--chart-bar-out)", `all${n}`);
      })}
      {selected?.map((count, n) => bar(n, count, "var(--chart-bar)", `kept${n}`))}
    </g>
  );
}

function Axis({ scale, range, told, width, height, outside }: {
  scale: Scale; range: [number, number]; told: Writing; width: number; height: number; outside: [number, number];
}) {
  const marks = ticks(range[0] * told.scale, range[1] * told.scale, Math.max(3, Math.floor(width / 52)));
  const step = marks.length > 1 ? marks[1]! - marks[0]! : 1;
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  const base = height - FOOT;
  const [left, right] = told.turned ? [outside[1], outside[0]] : outside;
  return (
    <g aria-hidden>
      <line x1={SIDE} x2={width - SIDE} y1={base + 0.5} y2={base + 0.5} stroke="var(--chart-quiet)" strokeWidth={1} />
      {marks.map((mark) => {
        const place = scale.place(mark / told.scale);
        const anchor = place < 24 ? "start" : place > width - 24 ? "end" : "middle";
        return (
          <g key={mark}>
            <line x1={place} x2={place} y1={base} y2={base + 3} stroke="var(--chart-quiet)" />
            <text className="chart-text" x={anchor === "start" ? Math.max(0, place - 8) : anchor === "end" ? Math.min(width, place + 8) : place} y={height - 3} textAnchor={anchor}>
              {mark.toFixed(digits)}
            </text>
          </g>
        );
      })}
      {left > 0 && <text className="chart-text" x={SIDE + 6} y={HEAD + 10}>{`‹ ${formatCount(left)}`}</text>}
      {right > 0 && <text className="chart-text" x={width - SIDE - 6} y={HEAD + 10} textAnchor="end">{`${formatCount(right)} ›`}</text>}
    </g>
  );
}

function Limit({ side, column, value, range, scale, height, width, told, events }: {
  side: 0 | 1; column: string; value: number | null; range: [number, number]; scale: Scale; height: number; width: number; told: Writing;
  events: ReturnType<ReturnType<typeof useLimitDrag>["handle"]>;
}) {
  const at = Math.min(range[1], Math.max(range[0], value ?? range[side]));
  const place = scale.place(at);
  const name = side === 0 ? "least" : "most";
  const text = value === null ? "" : told.text(value);
  return (
    <g
      className="chart-limit"
      role="slider"
      tabIndex={0}
      aria-label={`${name} ${column}${told.unit ? `, ${told.unit}` : ""}`}
      aria-valuemin={range[0] * told.scale}
      aria-valuemax={range[1] * told.scale}
      aria-valuenow={at * told.scale}
      aria-valuetext={value === null ? "no limit" : `${text} ${told.unit ?? ""}`.trim()}
      {...events}
    >
      <rect x={place - 14} y={0} width={28} height={height} fill="transparent" />
      <line x1={place} x2={place} y1={HEAD - 2} y2={height - FOOT} stroke="var(--chart-ink)" strokeWidth={1.5} strokeDasharray={value === null ? "2 3" : undefined} />
      <rect className="chart-grip" x={place - 4} y={height - FOOT - 14} width={8} height={14} rx={2} fill="var(--chart-ink)" />
      <text className="chart-strong" x={Math.min(width - 2, Math.max(2, place))} y={HEAD - 5} textAnchor={place < 30 ? "start" : place > width - 30 ? "end" : "middle"}>
        {text}
      </text>
    </g>
  );
}
