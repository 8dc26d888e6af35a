import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { getJson, urlOf, type Facts, type Place, type Radial } from "./place";
import { ctfAt, type Defocus, type Optics } from "./thon";
import type { Box } from "./usePointer";
import classes from "./Viewer.module.css";

const W = 640;
const H = 190;

interface Given {
  place: Place;
  facts: Facts;
  part: Box | null;
  optics: Optics | null;
  defocus: Defocus | null;
}

/** The radial average of the spectrum, its level taken off, and |CTF|² of the defocus that is set. */
export function Curve({ place, facts, part, optics, defocus }: Given) {
  const text = part ? `${part.x},${part.y},${part.width},${part.height}` : undefined;
  const { data } = useQuery({
    queryKey: ["radial", place.base, place.query, facts.frame, facts.stamp, text],
    staleTime: Infinity,
    gcTime: 60_000,
    queryFn: ({ signal }) => getJson<Radial>(urlOf(place, "radial", { frame: facts.frame, part: text }), signal),
  });
  const flat = useMemo(() => (data ? level(data.power) : []), [data]);
  if (!data) return <div className={classes.bar} style={{ height: H }} aria-label="loading" />;
  const known = data.pixel_size !== null;
  const nyquist = data.frequency.at(-1) ?? 1;
  const end = known ? Math.min(nyquist, 1.5 / (facts.fit_resolution ?? 4)) : nyquist;
  const x = (s: number) => 34 + ((W - 44) * s) / end;
  const y = (v: number) => 14 + (H - 44) * (1 - v);
  const line = (at: (i: number) => number) =>
    data.frequency.map((s, i) => (i < 3 || s > end ? "" : `${x(s).toFixed(1)},${y(Math.min(1, Math.max(0, at(i)))).toFixed(1)}`)).join(" ");
  const ticks = [20, 10, 7, 5, 4, 3.5, 3, 2.5, 2, 1.7, 1.5].filter((r) => known && 1 / r < end);
  return (
    <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label="Radial average of the spectrum and CTF squared" style={{ width: "100%", maxHeight: H, background: "#101214", display: "block" }}>
      <rect x={34} y={14} width={W - 44} height={H - 44} fill="none" stroke="#3a4147" />
      {optics && defocus && known && <polyline points={line((i) => ctfAt(data.frequency[i]!, optics, defocus) ** 2)} fill="none" stroke="#e69f00" strokeWidth={1} />}
      <polyline points={line((i) => flat[i]!)} fill="none" stroke="#56b4e9" strokeWidth={1.4} />
      <g fill="#b9c1c9" fontSize={11}>
        {ticks.map((r) => (
          <g key={r}>
            <path d={`M${x(1 / r)} ${H - 30}v4`} stroke="#b9c1c9" />
            <text x={x(1 / r)} y={H - 14} textAnchor="middle">
              {r}
            </text>
          </g>
        ))}
        <text x={W - 10} y={H - 2} textAnchor="end">
          {known ? "resolution / Å" : "frequency / (1/px)"}
        </text>
        <text x={38} y={H - 2} fill="#56b4e9">
          spectrum
        </text>
        {optics && defocus && known && (
          <text x={100} y={H - 2} fill="#e69f00">
            CTF²
          </text>
        )}
      </g>
    </svg>
  );
}

/** Log of the power less its running mean, in parts of its running spread, so that rings fill 0..1. */
function level(power: number[]): number[] {
  const log = power.map((p) => Math.log(Math.max(p, 1e-30)));
  const half = Math.max(6, Math.round(power.length / 40));
  const mean = running(log, half);
  const apart = log.map((v, i) => v - mean[i]!);
  const spread = running(apart.map((v) => v * v), 2 * half).map(Math.sqrt);
  return apart.map((v, i) => 0.5 + v / (3.2 * Math.max(spread[i]!, 1e-6)));
}

function running(values: number[], half: number): number[] {
  return values.map((_, i) => {
    const part = values.slice(Math.max(1, i - half), i + half + 1);
    return part.reduce((a, b) => a + b, 0) / Math.max(1, part.length);
  });
}
