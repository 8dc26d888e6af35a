import { useEffect, useRef } from "react";
import { toScreen, type Camera, type Size } from "@/components/Viewer/camera";
import { drawPicks, type Look } from "./drawPicks";
import type { Pick } from "./picks";
import classes from "./Picks.module.css";

interface Given {
  picks: readonly Pick[];
  camera: Camera;
  screen: Size;
  /** Radius of a particle in px of the micrograph. */
  radius: number;
  look: Omit<Look, "radius">;
  /** A circle of the brush, or of a diameter that is drawn: middle and radius in px of the micrograph. */
  ring?: { x: number; y: number; radius: number } | null;
}

/** Circles of picks over an image. */
export function PickCanvas({ picks, camera, screen, radius, look, ring }: Given) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (!element || screen.width === 0) return;
    const density = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(screen.width * density), Math.round(screen.height * density)];
    if (element.width !== width) element.width = width;
    if (element.height !== height) element.height = height;
    const pen = element.getContext("2d")!;
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.clearRect(0, 0, screen.width, screen.height);
    const place = (x: number, y: number) => toScreen(camera, screen, x, y);
    drawPicks(pen, screen.width, screen.height, picks, { ...look, radius: radius * camera.zoom }, place);
    if (ring) drawRing(pen, place(ring.x + 0.5, ring.y + 0.5), ring.radius * camera.zoom);
  });
  return <canvas ref={canvas} className={classes.canvas} aria-hidden />;
}

function drawRing(pen: CanvasRenderingContext2D, [x, y]: [number, number], radius: number): void {
  pen.setLineDash([4, 3]);
  for (const [colour, width] of [["#000", 3.5], ["#fff", 1.5]] as const) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
  }
}

/** Candidates of a try as they are drawn. */
export function drawable(picks: { coordinates: number[][]; score: (number | null)[]; power: (number | null)[]; kept: boolean[] }): Pick[] {
  return picks.coordinates.map(([x, y], index) => ({ x: x!, y: y!, kind: picks.kept[index] ? "kept" : "below", score: picks.score[index] ?? null, power: picks.power[index] ?? null, source: 0, index }));
}
