import { formatNumber } from "@/components/format";
import classes from "./Image.module.css";
import type { CurvesData } from "./views";

const W = 200;
const H = 200;
const BOX = { left: 22, right: 192, top: 24, bottom: 170 };
const LINES = [
  { name: "spectrum", colour: "#4cc38a", title: "spectrum" },
  { name: "fit", colour: "#e69f00", title: "CTF²" },
  { name: "quality", colour: "#56b4e9", title: "quality" },
] as const;

/** The fit of the CTF: radial average, CTF² and quality over spatial frequency. */
export function Curves({ data }: { data: CurvesData }) {
  const end = Math.min(data.frequency.at(-1) ?? 0.5, 1.4 / (data.fit_resolution ?? 4));
  const x = (s: number) => BOX.left + ((BOX.right - BOX.left) * s) / end;
  const y = (v: number) => BOX.bottom - ((BOX.bottom - BOX.top) * (Math.min(1.1, Math.max(-0.1, v)) + 0.1)) / 1.2;
  const line = (values: (number | null)[]) =>
    data.frequency
      .map((s, i) => (s !== null && s <= end && values[i] != null ? `${x(s).toFixed(1)},${y(values[i]).toFixed(1)}` : ""))
      .join(" ");
  const ticks = [20, 10, 6, 4, 3, 2.5, 2].filter((r) => 1 / r < end);
  return (
    <svg className={classes.drawing} viewBox={`0 0 ${W} ${H}`} role="img" aria-label={`fit of the CTF to ${formatNumber(data.fit_resolution, 1)} Å`}>
      <rect width={W} height={H} fill="#15181b" />
      <g stroke="#5b646d" strokeWidth={0.6} fill="none">
        <rect x={BOX.left} y={BOX.top} width={BOX.right - BOX.left} height={BOX.bottom - BOX.top} />
        {ticks.map((r) => (
          <path key={r} d={`M${x(1 / r)} ${BOX.bottom}v3`} />
        ))}
      </g>
      {LINES.map(({ name, colour }) => (
        <polyline key={name} points={line(data[name])} fill="none" stroke={colour} strokeWidth={0.9} />
      ))}
      {data.fit_resolution && <path d={`M${x(1 / data.fit_resolution)} ${BOX.top}V${BOX.bottom}`} stroke="#fff" strokeDasharray="3 2" strokeWidth={0.8} />}
      <g fontSize={8} fill="#e8e8e8">
        {ticks.map((r) => (
          <text key={r} x={x(1 / r)} y={BOX.bottom + 11} textAnchor="middle">
            {r}
          </text>
        ))}
        <text x={BOX.right} y={BOX.bottom + 22} textAnchor="end">
          Å
        </text>
        {LINES.map(({ title, colour }, i) => (
          <text key={title} x={BOX.left + 48 * i} y={BOX.bottom + 22} fill={colour}>
            {title}
          </text>
        ))}
        <text x={8} y={15}>
          fit to {formatNumber(data.fit_resolution, 1)} Å, defocus{" "}
          {formatNumber(data.defocus_u != null && data.defocus_v != null ? (data.defocus_u + data.defocus_v) / 2e4 : null, 2)} µm
        </text>
      </g>
    </svg>
  );
}
