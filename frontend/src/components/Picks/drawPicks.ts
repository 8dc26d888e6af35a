/** Circles of picks on a canvas: thousands of them in a few strokes. Colour tells the score, the line who picked. */
import type { Pick } from "./picks";

/** From low to high score: blue to yellow, which the colour-blind tell apart, all bright enough for grey images. */
export const SCALE = ["#6aa2ff", "#7fb0e0", "#98bcc2", "#b4c79f", "#d1d27c", "#eadf5e", "#fff04a"] as const;
/** Of classes, and of picks set by hand. */
const GROUPS = ["#56b4e9", "#e69f00", "#4cc38a", "#f078c0", "#f0e442", "#ff8a5c", "#b79cff", "#c8ccd0"] as const;
export const HAND = "#4cc38a";
const BELOW = "#e3e8ec";
const GONE = "#ff8a70";
/** The line of the first, second … picker: whole, dashed, dotted, both. */
export const DASHES: readonly number[][] = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

export interface Look {
  /** Radius in px of the screen. */
  radius: number;
  low: number;
  high: number;
  below: boolean;
  gone: boolean;
  hover: Pick | null;
}

export function scaleStep(score: number | null, low: number, high: number): number {
  if (score === null || high <= low) return SCALE.length - 1;
  return Math.max(0, Math.min(SCALE.length - 1, Math.floor((SCALE.length * (score - low)) / (high - low))));
}

type Group = { colour: string; dash: readonly number[]; width: number; picks: Pick[]; mark: "" | "plus" | "cross" };

function grouped(picks: readonly Pick[], look: Look): Group[] {
  const found = new Map<string, Group>();
  for (const pick of picks) {
    if ((pick.kind === "below" && !look.below) || (pick.kind === "gone" && !look.gone)) continue;
    const step = pick.kind !== "kept" ? pick.kind : pick.group != null ? `c${pick.group % GROUPS.length}` : scaleStep(pick.score, look.low, look.high);
    const key = `${step} ${pick.source}`;
    const group = found.get(key) ?? groupOf(pick, look);
    group.picks.push(pick);
    found.set(key, group);
  }
  return [...found.values()];
}

function groupOf(pick: Pick, look: Look): Group {
  const dash = DASHES[Math.max(0, pick.source) % DASHES.length]!;
  if (pick.kind === "hand") return { colour: HAND, dash: [], width: 2, picks: [], mark: "plus" };
  if (pick.kind === "below") return { colour: BELOW, dash: [2, 4], width: 1.4, picks: [], mark: "" };
  if (pick.kind === "gone") return { colour: GONE, dash: [2, 4], width: 1.6, picks: [], mark: "cross" };
  const colour = pick.group != null ? GROUPS[pick.group % GROUPS.length]! : SCALE[scaleStep(pick.score, look.low, look.high)]!;
  return { colour, dash, width: 1.7, picks: [], mark: "" };
}

/** Draw the picks; `place` gives px of the screen for px of the micrograph. */
export function drawPicks(pen: CanvasRenderingContext2D, width: number, height: number, picks: readonly Pick[], look: Look, place: (x: number, y: number) => [number, number]): void {
  const r = Math.max(3, look.radius);
  for (const { colour, dash, width: line, picks: some, mark } of grouped(picks, look)) {
    const path = new Path2D();
    for (const pick of some) {
      const [x, y] = place(pick.x + 0.5, pick.y + 0.5);
      if (x < -r || y < -r || x > width + r || y > height + r) continue;
      path.moveTo(x + r, y);
      path.arc(x, y, r, 0, 2 * Math.PI);
      if (mark === "plus") path.addPath(plus(x, y, Math.min(5, r / 2)));
      if (mark === "cross") path.addPath(cross(x, y, Math.min(5, r / 2)));
    }
    pen.setLineDash([...dash]);
    pen.strokeStyle = "rgba(0, 0, 0, 0.55)";
    pen.lineWidth = line + 1.6;
    pen.stroke(path);
    pen.strokeStyle = colour;
    pen.lineWidth = line;
    pen.stroke(path);
  }
  if (look.hover) highlight(pen, look.hover, r, place);
}

function plus(x: number, y: number, size: number): Path2D {
  return new Path2D(`M${x - size} ${y}H${x + size}M${x} ${y - size}V${y + size}`);
}

function cross(x: number, y: number, size: number): Path2D {
  return new Path2D(`M${x - size} ${y - size}L${x + size} ${y + size}M${x - size} ${y + size}L${x + size} ${y - size}`);
}

function highlight(pen: CanvasRenderingContext2D, pick: Pick, r: number, place: (x: number, y: number) => [number, number]): void {
  const [x, y] = place(pick.x + 0.5, pick.y + 0.5);
  pen.setLineDash([]);
  pen.strokeStyle = "#fff";
  pen.lineWidth = 2.5;
  pen.beginPath();
  pen.arc(x, y, r + 2, 0, 2 * Math.PI);
  pen.stroke();
}
