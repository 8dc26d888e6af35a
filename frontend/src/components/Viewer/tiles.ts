/** Tiles of an image: those in sight are fetched, a few at a time; what was seen last is kept. */
import type { Camera, Size } from "./camera";
import { getRaster, urlOf, type Facts, type Place, type Raster } from "./place";

const AT_ONCE = 6;
const KEPT = 96;

export interface Tile {
  key: string;
  level: number;
  x: number;
  y: number;
}

/** The level whose pixels are just finer than those of the screen. */
export function levelFor(zoom: number, density: number, levels: number): number {
  return Math.min(levels - 1, Math.max(0, Math.floor(Math.log2(1 / (zoom * density)) + 0.01)));
}

/** Tiles of a level that are in sight, those next to the middle first. */
export function tilesInSight(facts: Facts, level: number, camera: Camera, screen: Size): Tile[] {
  const size = facts.tile * 2 ** level;
  const [nx, ny] = facts.levels[level]!;
  const halfX = screen.width / 2 / camera.zoom;
  const halfY = screen.height / 2 / camera.zoom;
  const range = (middle: number, half: number, count: number) => {
    const last = Math.ceil(count / facts.tile) - 1;
    const first = Math.max(0, Math.floor((middle - half) / size));
    const found: number[] = [];
    for (let i = first; i <= Math.min(last, Math.floor((middle + half) / size)); i++) found.push(i);
    return found;
  };
  const found = range(camera.y, halfY, ny).flatMap((y) =>
    range(camera.x, halfX, nx).map((x) => ({ key: `${level}/${x}/${y}`, level, x, y })),
  );
  const away = (t: Tile) => Math.hypot((t.x + 0.5) * size - camera.x, (t.y + 0.5) * size - camera.y);
  return found.sort((a, b) => away(a) - away(b));
}

/** The tiles of one frame of one image. */
export class TileStore {
  readonly loaded = new Map<string, Raster>();
  private readonly running = new Map<string, AbortController>();
  private wanted: Tile[] = [];
  private limits: [number, number] | null = null;

  constructor(
    private readonly place: Place,
    private readonly facts: Facts,
    private readonly changed: () => void,
  ) {}

  /** Ask for tiles; others that are under way and not wanted any more are given up. */
  want(tiles: Tile[], limits: [number, number] | null): void {
    if (String(limits) !== String(this.limits)) {
      this.limits = limits;
      this.loaded.clear();
      this.stop();
    }
    this.wanted = tiles.filter((tile) => !this.loaded.has(tile.key));
    const keys = new Set(tiles.map((tile) => tile.key));
    for (const [key, control] of this.running) if (!keys.has(key)) control.abort();
    for (const tile of tiles) this.touch(tile.key);
    this.next();
  }

  stop(): void {
    for (const control of this.running.values()) control.abort();
    this.running.clear();
  }

  private touch(key: string): void {
    const raster = this.loaded.get(key);
    if (!raster) return;
    this.loaded.delete(key);
    this.loaded.set(key, raster);
  }

  private next(): void {
    while (this.running.size < AT_ONCE) {
      const tile = this.wanted.find((entry) => !this.running.has(entry.key));
      if (!tile) return;
      this.wanted = this.wanted.filter((entry) => entry !== tile);
      void this.fetch(tile);
    }
  }

  private async fetch(tile: Tile): Promise<void> {
    const control = new AbortController();
    this.running.set(tile.key, control);
    const { frame, stamp } = this.facts;
    const [low, high] = this.limits ?? [undefined, undefined];
    try {
      const more = { level: tile.level, x: tile.x, y: tile.y, frame, low, high, encoding: "raw", v: stamp };
      this.loaded.set(tile.key, await getRaster(urlOf(this.place, "tile", more), control.signal));
      while (this.loaded.size > KEPT) this.loaded.delete(this.loaded.keys().next().value!);
      this.changed();
    } catch {
      // A tile that is not there leaves the coarser picture in sight.
    } finally {
      if (this.running.get(tile.key) === control) this.running.delete(tile.key);
      this.next();
    }
  }
}
