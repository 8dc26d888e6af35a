/** Numbers as people read them: sensible digits, the unit said once, unknown as an en dash. */

export const UNKNOWN = "–";

/** Digits, scale and unit for columns that people know in another unit than the catalogue's. */
interface Shown {
  unit: string | null;
  scale: number;
  digits: number;
}

const SHOWN: Record<string, Shown> = {
  defocus: { unit: "µm", scale: 1e-4, digits: 2 },
  defocus_u: { unit: "µm", scale: 1e-4, digits: 2 },
  defocus_v: { unit: "µm", scale: 1e-4, digits: 2 },
  target_defocus: { unit: "µm", scale: 1e-4, digits: 2 },
  stage_defocus: { unit: "µm", scale: 1e-4, digits: 2 },
  defocus_difference: { unit: "Å", scale: 1, digits: 0 },
  defocus_error: { unit: "Å", scale: 1, digits: 0 },
  astigmatism_angle: { unit: "°", scale: 1, digits: 0 },
  phase_shift: { unit: "°", scale: 1, digits: 0 },
  stage_tilt: { unit: "°", scale: 1, digits: 1 },
  fit_resolution: { unit: "Å", scale: 1, digits: 1 },
  iciness: { unit: null, scale: 1, digits: 2 },
  ice_ring_density: { unit: null, scale: 1, digits: 2 },
  score: { unit: null, scale: 1, digits: 3 },
  counts_per_frame: { unit: "e/px/frame", scale: 1, digits: 2 },
  total_dose: { unit: "e/Å²", scale: 1, digits: 1 },
  pixel_size: { unit: "Å", scale: 1, digits: 3 },
  movie_pixel_size: { unit: "Å", scale: 1, digits: 3 },
  size: { unit: "MB", scale: 1e-6, digits: 1 },
};

/** Columns in which a larger value is worse: their scales are turned so that good is on the same side everywhere. */
export const LARGER_IS_WORSE = new Set(["fit_resolution", "iciness", "defocus_difference", "defocus_error"]);
export function largerIsWorse(column: string): boolean {
  return LARGER_IS_WORSE.has(column) || column.startsWith("drift_");
}

/** How a column is shown: `unit` as declared in the registry unless people know another one. */
export function shown(column: string, unit?: string | null): Shown {
  const known = SHOWN[column];
  if (known) return known;
  if (column.startsWith("drift_")) return { unit: "Å", scale: 1, digits: 1 };
  return { unit: unit ?? null, scale: 1, digits: 2 };
}

/** A value of a column, without its unit. */
export function formatColumn(column: string, value: unknown, kind?: string): string {
  if (value === null || value === undefined) return UNKNOWN;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return String(value);
  if (column === "imported" || column === "recorded") return formatTime(value);
  if (kind === "integer" && column !== "size") return formatCount(value);
  const { scale, digits } = shown(column);
  return (value * scale).toFixed(digits);
}

export function formatNumber(value: number | null | undefined, digits = 2): string {
  return value === null || value === undefined || !Number.isFinite(value) ? UNKNOWN : value.toFixed(digits);
}

/** 12 345 with thin spaces. */
export function formatCount(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** s since 1970 → date and time of day, short. */
export function formatTime(seconds: number | null | undefined, withDate = true): string {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const date = new Date(seconds * 1000);
  const pad = (n: number) => n.toString().padStart(2, "0");
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return withDate ? `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clock}` : clock;
}

/** s → "12 s", "5 min", "3.2 h", "2.1 d". */
export function formatDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(0)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} d`;
}

/** Bytes → "1.2 GB". */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return UNKNOWN;
  for (const [unit, scale, digits] of [["TB", 1e12, 2], ["GB", 1e9, 1], ["MB", 1e6, 0]] as const) {
    if (bytes >= scale) return `${(bytes / scale).toFixed(digits)} ${unit}`;
  }
  return `${(bytes / 1e3).toFixed(0)} kB`;
}

/** "1 image", "2 images". */
export function counted(number: number, word: string, plural = `${word}s`): string {
  return `${formatCount(number)} ${number === 1 ? word : plural}`;
}
