/** Curves of classes over a common axis, drawn as SVG. */
import { useElementSize } from "@mantine/hooks";
import { ticks } from "@/components/Chart/scale";
import "@/components/Chart/chart.css";
import { DATA_COLOURS } from "@/theme";

const SPACE = { left: 40, right: 12, top: 8, bottom: 32 };

export interface Line {
  name: string;
  values: readonly (number | null)[];
  colour: string;
  width: number;
  dash?: string;
  /** Faint lines are the ground for the others. */
  faint?: boolean;
}

interface AxisProps {
  label: string;
  x: readonly number[];
  xLabel: string;
  xTicks?: [number, string][];
  yRange: [number, number];
  yLabel: string;
  height?: number;
}

interface LinesProps extends AxisProps {
  lines: readonly Line[];
  /** A level that is drawn across. */
  level?: { value: number; text: string };
}

interface Frame {
  width: number;
  height: number;
  across: (value: number) => number;
  up: (value: number) => number;
}

function useFrame({ x, yRange, height = 220 }: AxisProps) {
  const { ref, width } = useElementSize();
  const [low, high] = [x[0] ?? 0, x.at(-1) ?? 1];
  const across = (value: number) => SPACE.left + ((width - SPACE.left - SPACE.right) * (value - low)) / (high - low || 1);
  const up = (value: number) => height - SPACE.bottom - ((height - SPACE.top - SPACE.bottom) * (value - yRange[0])) / (yRange[1] - yRange[0] || 1);
  return { ref, frame: { width, height, across, up } };
}

function Axes({ frame, x, xTicks, xLabel, yRange, yLabel }: AxisProps & { frame: Frame }) {
  const { width, height, across, up } = frame;
  const below = xTicks ?? ticks(x[0] ?? 0, x.at(-1) ?? 1, Math.max(2, Math.floor(width / 70))).map((value): [number, string] => [value, String(Number(value.toPrecision(6)))]);
  return (
    <g aria-hidden>
      {ticks(yRange[0], yRange[1], 5).map((value) => (
        <g key={value}>
          <path d={`M${SPACE.left} ${up(value)}H${width - SPACE.right}`} stroke="var(--chart-grid)" />
          <text className="chart-text" x={SPACE.left - 5} y={up(value) + 4} textAnchor="end">{Number(value.toPrecision(4))}</text>
        </g>
      ))}
      {below.map(([value, text]) => (
        <g key={text}>
          <path d={`M${across(value)} ${height - SPACE.bottom}v4`} stroke="var(--chart-quiet)" />
          <text className="chart-text" x={across(value)} y={height - SPACE.bottom + 15} textAnchor="middle">{text}</text>
        </g>
      ))}
      <path d={`M${SPACE.left} ${height - SPACE.bottom}H${width - SPACE.right}`} stroke="var(--chart-quiet)" />
      <text className="chart-text" x={width - SPACE.right} y={height - 3} textAnchor="end">{xLabel}</text>
      <text className="chart-text" x={2} y={height - 3}>{yLabel}</text>
    </g>
  );
}

/** Lines over one axis; each tells its name when pointed at. */
export function Lines(props: LinesProps) {
  const { ref, frame } = useFrame(props);
  const { lines, x, level, label } = props;
  const ordered = [...lines].sort((a, b) => Number(b.faint ?? false) - Number(a.faint ?? false));
  return (
    <div ref={ref} style={{ width: "100%", minWidth: 0, height: frame.height }}>
      {frame.width > 0 && (
        <svg width={frame.width} height={frame.height} role="img" aria-label={label} style={{ display: "block" }}>
          <Axes {...props} frame={frame} />
          {level && (
            <g aria-hidden>
              <path d={`M${SPACE.left} ${frame.up(level.value)}H${frame.width - SPACE.right}`} stroke="var(--chart-quiet)" strokeDasharray="4 3" />
              <text className="chart-text" x={frame.width - SPACE.right} y={frame.up(level.value) - 4} textAnchor="end">{level.text}</text>
            </g>
          )}
          {ordered.map((line) => (
            <path key={line.name} d={pathOf(x, line.values, frame)} fill="none" stroke={line.colour} strokeWidth={line.width} strokeDasharray={line.dash} strokeLinejoin="round" opacity={line.faint ? 0.5 : 1}>
              <title>{line.name}</title>
            </path>
          ))}
        </svg>
      )}
    </div>
  );
}

function pathOf(x: readonly number[], values: readonly (number | null)[], { across, up }: Frame): string {
  let pen = "M";
  return values
    .map((value, n) => {
      if (value === null || x[n] === undefined) {
        pen = "M";
        return "";
      }
      const part = `${pen}${across(x[n]).toFixed(1)} ${up(value).toFixed(1)}`;
      pen = "L";
      return part;
    })
    .join("");
}

export interface Area {
  number: number;
  name: string;
  values: readonly (number | null)[];
  chosen: boolean;
}

/** Areas upon each other that together fill 1; those of chosen classes are full, the others hatched. */
export function Areas(props: AxisProps & { areas: readonly Area[]; onPick: (number: number) => void }) {
  const { ref, frame } = useFrame(props);
  const { areas, x, label, onPick } = props;
  const below = x.map(() => 0);
  const drawn = areas.map((area, place) => {
    const low = [...below];
    area.values.forEach((value, n) => (below[n] = below[n]! + (value ?? 0)));
    const edge = (values: number[]) => values.map((value, n) => `${frame.across(x[n]!).toFixed(1)} ${frame.up(value).toFixed(1)}`);
    return { area, colour: DATA_COLOURS[place % DATA_COLOURS.length]!, path: `M${[...edge(low), ...edge([...below]).reverse()].join("L")}Z` };
  });
  return (
    <div ref={ref} style={{ width: "100%", minWidth: 0, height: frame.height }}>
      {frame.width > 0 && x.length > 1 && (
        <svg width={frame.width} height={frame.height} role="img" aria-label={label} style={{ display: "block" }}>
          <defs>
            <pattern id="left-out" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="3.4" height="6" fill="var(--panel)" opacity="0.75" />
            </pattern>
          </defs>
          {drawn.map(({ area, colour, path }) => (
            <g key={area.number} onClick={() => onPick(area.number)} style={{ cursor: "pointer" }}>
              <path d={path} fill={colour} stroke="var(--panel)" strokeWidth={0.7} />
              {!area.chosen && <path d={path} fill="url(#left-out)" />}
              <title>{area.name}</title>
            </g>
          ))}
          <Axes {...props} frame={frame} />
        </svg>
      )}
    </div>
  );
}

export interface Dot {
  number: number;
  x: number;
  y: number;
  chosen: boolean;
  name: string;
}

/** One dot a class: full where it is chosen. */
export function Dots(props: AxisProps & { dots: readonly Dot[]; onPick: (number: number) => void }) {
  const { ref, frame } = useFrame(props);
  const named = readable(props.dots, frame);
  return (
    <div ref={ref} style={{ width: "100%", minWidth: 0, height: frame.height }}>
      {frame.width > 0 && (
        <svg width={frame.width} height={frame.height} role="img" aria-label={props.label} style={{ display: "block" }}>
          <Axes {...props} frame={frame} />
          {props.dots.map((dot) => (
            <g key={dot.number} onClick={() => props.onPick(dot.number)} style={{ cursor: "pointer" }}>
              <circle cx={frame.across(dot.x)} cy={frame.up(dot.y)} r={6} fill={dot.chosen ? "var(--chart-point)" : "var(--panel)"} stroke="var(--chart-point)" strokeWidth={1.5} />
              {named.has(dot.number) && <text className={dot.chosen ? "chart-strong" : "chart-text"} x={frame.across(dot.x) + 9} y={frame.up(dot.y) + 4}>{dot.number}</text>}
              <title>{dot.name}</title>
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

/** Dots whose numbers can be read: chosen ones first, none upon another. */
function readable(dots: readonly Dot[], { across, up }: Frame): Set<number> {
  const placed: [number, number][] = [];
  const named = new Set<number>();
  for (const dot of [...dots].sort((a, b) => Number(b.chosen) - Number(a.chosen) || b.y - a.y)) {
    const [x, y] = [across(dot.x), up(dot.y)];
    if (placed.some(([left, top]) => Math.abs(left - x) < 26 && Math.abs(top - y) < 13)) continue;
    placed.push([x, y]);
    named.add(dot.number);
  }
  return named;
}

/** Ticks of resolution in Å on an axis of frequency in 1/Å. */
export function resolutionTicks(end: number): [number, string][] {
  const wanted = [100, 50, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4, 3.5, 3, 2.5, 2];
  const found: [number, string][] = [];
  for (const resolution of wanted) {
    const place = 1 / resolution;
    if (place <= end && (found.length === 0 || place - found[found.length - 1]![0] > end / 11)) found.push([place, String(resolution)]);
  }
  return found;
}
