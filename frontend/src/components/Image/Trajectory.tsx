import { formatNumber } from "@/components/format";
import classes from "./Image.module.css";
import { lengthText, roundLength } from "./scale";
import type { TrajectoryData } from "./views";

const PAD = 14;
const SIDE = 200;

/** The drift: the mean of the whole image as a thick path, each patch as a thin one, first frame marked. */
export function Trajectory({ data, label }: { data: TrajectoryData; label?: string }) {
  const paths = patches(data);
  const all = [...data.mean, ...paths.flat()];
  if (all.length === 0) return null;
  const [left, right] = extent(all.map((p) => p[0]));
  const [low, high] = extent(all.map((p) => p[1]));
  const span = Math.max(right - left, high - low, 0.5);
  const scale = (SIDE - 2 * PAD) / span;
  const x = (v: number) => SIDE / 2 + (v - (left + right) / 2) * scale;
  const y = (v: number) => SIDE / 2 - (v - (low + high) / 2) * scale;
  const line = (points: readonly (readonly [number, number])[]) => points.map((p) => `${x(p[0]).toFixed(2)},${y(p[1]).toFixed(2)}`).join(" ");
  const bar = roundLength(span * 0.35);
  const first = data.mean[0]!;
  const last = data.mean[data.mean.length - 1]!;
  return (
    <svg className={classes.drawing} viewBox={`0 0 ${SIDE} ${SIDE}`} role="img" aria-label={label ?? `drift of ${formatNumber(data.drift_total, 1)} Å over ${data.mean.length} frames`}>
      <rect width={SIDE} height={SIDE} fill="#15181b" />
      {paths.map((points, index) => (
        <polyline key={index} points={line(points)} fill="none" stroke="#56b4e9" strokeWidth={0.6} opacity={0.5} />
      ))}
      <polyline points={line(data.mean)} fill="none" stroke="#e69f00" strokeWidth={1.6} strokeLinejoin="round" />
      {data.mean.map((p, index) => (
        <circle key={index} cx={x(p[0])} cy={y(p[1])} r={1.7} fill="#e69f00" />
      ))}
      <circle cx={x(first[0])} cy={y(first[1])} r={4} fill="none" stroke="#fff" strokeWidth={1.2} />
      <path d={`M${x(last[0]) - 3} ${y(last[1]) - 3}l6 6m0 -6l-6 6`} stroke="#fff" strokeWidth={1.2} />
      <g fill="#fff" fontSize={8}>
        <text x={8} y={15}>
          {formatNumber(data.drift_total, 1)} Å in {data.mean.length} frames
        </text>
        <text x={SIDE - 8} y={15} textAnchor="end" fill="#c8ced4">
          ○ first × last
        </text>
        <rect x={8} y={SIDE - 11} width={bar * scale} height={2.4} />
        <text x={8} y={SIDE - 15}>
          {lengthText(bar)}
        </text>
      </g>
    </svg>
  );
}

/** The path of each point of the grid, from its own beginning. */
export function patches(data: TrajectoryData): [number, number][][] {
  const frames = data.shift;
  const rows = frames[0]?.length ?? 0;
  const columns = frames[0]?.[0]?.length ?? 0;
  const found: [number, number][][] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      found.push(frames.map((frame) => frame[row]![column]! as [number, number]));
    }
  }
  return found;
}

function extent(values: number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}
