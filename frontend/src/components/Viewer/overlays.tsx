/** What is drawn over images and spectra, in px of the screen. */
import { formatNumber } from "@/components/format";
import { roundLength } from "@/components/Image/scale";
import { patches } from "@/components/Image/Trajectory";
import type { TrajectoryData } from "@/components/Image/views";
import { toScreen } from "./camera";
import type { Sight } from "./ImageCanvas";
import { rings, type Defocus, type Optics } from "./thon";
import type { Box } from "./usePointer";

/** px of the screen between two rings, at least: closer ones would cover what they are compared with. */
const APART = 5;

/** The chosen rectangle with its size. */
export function SelectionBox({ box, sight, pixel }: { box: Box; sight: Sight; pixel: number | null }) {
  const [x, y] = toScreen(sight.camera, sight.screen, box.x, box.y + box.height);
  const [w, h] = [box.width * sight.camera.zoom, box.height * sight.camera.zoom];
  const text = `${box.width} × ${box.height} px${pixel ? `, ${((box.width * pixel) / 10).toFixed(1)} × ${((box.height * pixel) / 10).toFixed(1)} nm` : ""}`;
  return (
    <g>
      <rect x={x} y={y} width={w} height={h} fill="none" stroke="#000" strokeWidth={3} opacity={0.5} />
      <rect x={x} y={y} width={w} height={h} fill="none" stroke="#e69f00" strokeWidth={1.5} strokeDasharray="6 3" />
      <text x={x + 4} y={y > 18 ? y - 5 : y + 14} fill="#ffc14d" fontSize={12} style={{ paintOrder: "stroke" }} stroke="#000" strokeWidth={3}>
        {text}
      </text>
    </g>
  );
}

/** Zeros of the CTF over a spectrum of `size` px and pixel size `pixel` in Å. */
export function ThonRings({ sight, size, pixel, optics, defocus, part }: { sight: Sight; size: number; pixel: number; optics: Optics; defocus: Defocus; part: "all" | "half" | "quadrant" }) {
  const nyquist = 0.5 / pixel;
  const least = APART / (size * pixel * sight.camera.zoom);
  const lines = apart(rings(optics, defocus, nyquist), least);
  return (
    <g fill="none" stroke="#ff9f1c" strokeWidth={1.1}>
      {lines.map((line, index) => {
        const seen = line.filter(([fx, fy]) => part === "all" || (part === "half" ? fx <= 1e-12 : fx <= 1e-12 && fy <= 1e-12));
        const points = seen.map(([fx, fy]) => place(sight, size, pixel, fx, fy).map((v) => v.toFixed(1)).join(","));
        return <polyline key={index} points={part === "all" ? points.join(" ") : sorted(seen, sight, size, pixel)} />;
      })}
    </g>
  );
}

/** Rings from the middle on, until they come too close to each other. */
function apart(lines: [number, number][][], least: number): [number, number][][] {
  const radius = (line: [number, number][]) => Math.hypot(...line[0]!);
  const found = [...lines].sort((a, b) => radius(a) - radius(b));
  const end = found.findIndex((line, i) => i > 0 && radius(line) - radius(found[i - 1]!) < least);
  return end < 0 ? found : found.slice(0, end);
}

/** Points of an arc in the order of their angle, so that no line runs across the picture. */
function sorted(seen: [number, number][], sight: Sight, size: number, pixel: number): string {
  const angle = ([fx, fy]: [number, number]) => (Math.atan2(fy, fx) + 2 * Math.PI) % (2 * Math.PI);
  return [...seen]
    .sort((a, b) => angle(a) - angle(b))
    .map(([fx, fy]) => place(sight, size, pixel, fx, fy).map((v) => v.toFixed(1)).join(","))
    .join(" ");
}

/** Frequency in 1/Å → screen. The middle is the centre of the pixel size / 2. */
function place(sight: Sight, size: number, pixel: number, fx: number, fy: number): [number, number] {
  const middle = size / 2 + 0.5;
  return toScreen(sight.camera, sight.screen, middle + fx * size * pixel, middle + fy * size * pixel);
}

/** Circles at resolutions in Å. */
export function ResolutionRings({ sight, size, pixel, resolutions }: { sight: Sight; size: number; pixel: number; resolutions: number[] }) {
  const [x, y] = place(sight, size, pixel, 0, 0);
  return (
    <g fill="none" stroke="#56b4e9" strokeWidth={1}>
      {resolutions.map((resolution) => {
        const r = (size * pixel * sight.camera.zoom) / resolution;
        return (
          <g key={resolution}>
            <circle cx={x} cy={y} r={r} strokeDasharray="5 4" />
            <text x={x + r * 0.71 + 3} y={y - r * 0.71 - 3} fill="#8fd0f5" fontSize={12} style={{ paintOrder: "stroke" }} stroke="#000" strokeWidth={3}>
              {formatNumber(resolution, resolution < 10 ? 1 : 0)} Å
            </text>
          </g>
        );
      })}
    </g>
  );
}

/** The ring of the resolution under the cursor, and its mate on the other side of the middle. */
export function CursorRing({ sight, size, point }: { sight: Sight; size: number; point: [number, number] }) {
  const middle = size / 2 + 0.5;
  const [x, y] = toScreen(sight.camera, sight.screen, middle, middle);
  const [px, py] = toScreen(sight.camera, sight.screen, ...point);
  return (
    <g stroke="#fff" fill="none" opacity={0.8}>
      <circle cx={x} cy={y} r={Math.hypot(px - x, py - y)} strokeWidth={0.7} strokeDasharray="2 5" />
      <circle cx={2 * x - px} cy={2 * y - py} r={5} strokeWidth={1} />
    </g>
  );
}

/** Linked cursor: fringes in the image of the spacing and direction under the cursor in the spectrum. */
export function Fringes({ sight, size, point }: { sight: Sight; size: number; point: [number, number] }) {
  const [u, v] = [point[0] - size / 2 - 0.5, point[1] - size / 2 - 0.5];
  const r = Math.hypot(u, v);
  if (r < 1) return null;
  const spacing = (size / r) * sight.camera.zoom;
  const angle = (-Math.atan2(v, u) * 180) / Math.PI;
  const count = Math.max(3, Math.min(11, Math.round(240 / spacing)));
  const lines = spacing < 3 ? [] : Array.from({ length: count }, (_, i) => (i - (count - 1) / 2) * spacing);
  return (
    <g transform={`translate(${sight.screen.width / 2} ${sight.screen.height / 2}) rotate(${angle.toFixed(2)})`} stroke="#ffc14d" strokeWidth={1} opacity={0.85}>
      {lines.map((at) => (
        <path key={at} d={`M${at.toFixed(1)} -60V60`} />
      ))}
      <path d="M-90 0H90" strokeDasharray="2 4" />
    </g>
  );
}

/** How much drift and local motion are enlarged, so that the longest takes a tenth of the width. */
export function enlarged(data: TrajectoryData): { drift: number; local: number } {
  const width = 0.1 * (data.width ?? 4096) * (data.pixel_size ?? 1);
  const last = data.mean.at(-1) ?? [0, 0];
  const longest = Math.max(...data.mean.map((p) => Math.hypot(...p)), 0.01);
  const local = Math.max(...patches(data).map((path) => Math.hypot(path.at(-1)![0] - last[0], path.at(-1)![1] - last[1])), 0.01);
  return { drift: roundLength(width / longest), local: roundLength(width / local) };
}

/** Drift of the whole image (orange) and of each patch (blue), and arrows of the local part, enlarged. */
export function DriftPaths({ sight, data, shown, width }: { sight: Sight; data: TrajectoryData; shown: string[]; width: number }) {
  const recorded = data.width ?? width;
  const pixel = data.pixel_size ?? 1;
  const scale = width / recorded;
  const times = enlarged(data);
  const paths = patches(data);
  const line = (x: number, y: number, points: readonly (readonly [number, number])[], factor = times.drift) =>
    points
      .map((p) => toScreen(sight.camera, sight.screen, (x + (p[0] * factor) / pixel) * scale, (y + (p[1] * factor) / pixel) * scale).map((v) => v.toFixed(1)).join(","))
      .join(" ");
  const columns = data.x.length;
  const last = data.mean.at(-1) ?? [0, 0];
  return (
    <g fill="none" strokeWidth={1.5}>
      {shown.includes("patches") && paths.map((points, i) => <polyline key={i} points={line(data.x[i % columns]!, data.y[Math.floor(i / columns)]!, points)} stroke="#56b4e9" />)}
      {shown.includes("field") &&
        paths.map((points, i) => {
          const end = points.at(-1)!;
          const local: [number, number] = [end[0] - last[0], end[1] - last[1]];
          return <polyline key={i} points={line(data.x[i % columns]!, data.y[Math.floor(i / columns)]!, [[0, 0], local], times.local)} stroke="#4cc38a" strokeWidth={2} markerEnd="url(#arrow)" />;
        })}
      {shown.includes("trajectory") && <polyline points={line(recorded / 2, (data.height ?? recorded) / 2, data.mean)} stroke="#e69f00" strokeWidth={2.2} />}
      <marker id="arrow" viewBox="0 0 6 6" refX={3} refY={3} markerWidth={4} markerHeight={4} orient="auto-start-reverse">
        <path d="M0 0L6 3L0 6z" fill="#4cc38a" stroke="none" />
      </marker>
    </g>
  );
}
