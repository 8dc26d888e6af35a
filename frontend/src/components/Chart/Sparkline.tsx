import { useMemo } from "react";
import "./chart.css";

/** A small curve without axes, oldest left; turned where larger is worse. Only a picture of what the figure says. */
export function Sparkline({ values, turned = false, zero = false, width = 96, height = 22 }: { values: (number | null)[]; turned?: boolean; zero?: boolean; width?: number; height?: number }) {
  const path = useMemo(() => pathOf(values, turned, zero, width, height), [values, turned, zero, width, height]);
  return (
    <svg width="100%" height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden style={{ display: "block" }}>
      {path && <path d={path} fill="none" stroke="var(--chart-point)" strokeWidth={1.5} vectorEffect="non-scaling-stroke" strokeLinejoin="round" />}
    </svg>
  );
}

function pathOf(values: (number | null)[], turned: boolean, zero: boolean, width: number, height: number): string {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return "";
  const sorted = [...known].sort((a, b) => a - b);
  // The ends are not those of single outliers, which would flatten all else.
  const low = zero ? 0 : sorted[Math.floor(sorted.length * 0.03)]!;
  const high = sorted[Math.ceil(sorted.length * 0.97) - 1]!;
  const span = high - low;
  let pen = "M";
  let path = "";
  values.forEach((value, n) => {
    if (value === null) {
      pen = "M";
      return;
    }
    const part = span > 0 ? Math.min(1, Math.max(0, (value - low) / span)) : 0.5;
    const y = 2 + (turned ? part : 1 - part) * (height - 4);
    path += `${pen}${((n / (values.length - 1)) * width).toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return path;
}
