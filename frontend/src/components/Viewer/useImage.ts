/** An image of the server: its first picture as quickly as can be, then its facts, then tiles where they are needed. */
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Camera } from "./camera";
import { limitsOf, type Contrast } from "./contrast";
import type { Placed, Sight } from "./ImageCanvas";
import { getJson, getRaster, urlOf, type Facts, type Place, type Raster } from "./place";
import { levelFor, TileStore, tilesInSight } from "./tiles";

const FIRST = 1024;

/** The whole image at a reduced size; it comes first, and stays under the tiles. */
export function usePicture(place: Place | null, frame: string | null, version: string) {
  return useQuery<Raster>({
    queryKey: ["image", place?.base, place?.query, frame, version],
    enabled: place !== null,
    staleTime: Infinity,
    gcTime: 60_000,
    retry: 1,
    placeholderData: (before, query) => (same(query?.queryKey, place) ? before : undefined),
    queryFn: async ({ signal }) => {
      performance.mark("image-asked");
      const raster = await getRaster(urlOf(place!, "picture", { frame: frame ?? undefined, size: FIRST, encoding: "raw" }), signal);
      performance.mark("image-there");
      return raster;
    },
  });
}

/** While another frame of the same image comes, the one before stays in sight. */
function same(key: readonly unknown[] | undefined, place: Place | null): boolean {
  return key?.[1] === place?.base && JSON.stringify(key?.[2]) === JSON.stringify(place?.query);
}

export function useFacts(place: Place | null, frame: string | null, version: string, enabled: boolean) {
  return useQuery<Facts>({
    queryKey: ["image facts", place?.base, place?.query, frame, version],
    enabled: place !== null && enabled,
    staleTime: Infinity,
    gcTime: 60_000,
    retry: 1,
    placeholderData: (before, query) => (same(query?.queryKey, place) ? before : undefined),
    queryFn: ({ signal }) => getJson<Facts>(urlOf(place!, "info", { frame: frame ?? undefined }), signal),
  });
}

/** Tiles for what is in sight, coarse ones first; more grey levels where the contrast is strongly stretched. */
export function useTiles(place: Place | null, facts: Facts | undefined, contrast: Contrast, from: number): { tiles: Placed[]; look: (sight: Sight) => void } {
  const [count, setCount] = useState(0);
  const [finest, setFinest] = useState(from);
  const store = useRef<TileStore | null>(null);
  const sight = useRef<Sight | null>(null);
  const stretched = contrast.high - contrast.low < 0.12;
  const ask = useCallback(() => {
    if (!facts || !store.current || !sight.current) return;
    const { camera, screen } = sight.current;
    const level = levelFor(camera.zoom, window.devicePixelRatio || 1, facts.levels.length);
    setFinest(level);
    if (level >= from && !stretched) return store.current.want([], null);
    const chosen = level;
    const range = facts.ranges[chosen]!;
    store.current.want(tilesInSight(facts, chosen, camera, screen), stretched ? snapped(limitsOf(contrast, range), range) : null);
  }, [facts, from, stretched, contrast]);
  useEffect(() => {
    if (!place || !facts) return;
    let frame = 0;
    const changed = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => setCount((n) => n + 1));
    };
    store.current = new TileStore(place, facts, changed);
    setCount((n) => n + 1);
    return () => {
      cancelAnimationFrame(frame);
      store.current?.stop();
      store.current = null;
    };
  }, [place, facts]);
  useEffect(() => {
    const late = setTimeout(ask, 120);
    return () => clearTimeout(late);
  }, [ask]);
  const look = useCallback(
    (seen: Sight) => {
      sight.current = seen;
      ask();
    },
    [ask],
  );
  // Finer tiles than the screen shows have other grey levels: they are kept, but not drawn.
  const tiles = useMemo(() => placed(store.current, facts).filter((tile) => tile.scale >= 2 ** finest), [facts, count, finest]);
  return { tiles, look };
}

function placed(store: TileStore | null, facts: Facts | undefined): Placed[] {
  if (!store || !facts) return [];
  return [...store.loaded]
    .map(([key, raster]) => {
      const [level, x, y] = key.split("/").map(Number) as [number, number, number];
      const scale = 2 ** level;
      return { raster, x: x * facts.tile * scale, y: y * facts.tile * scale, scale };
    })
    .sort((a, b) => b.scale - a.scale);
}

/** Limits a little wider than those that are set, on a coarse grid: small changes ask for no new tiles. */
function snapped([low, high]: [number, number], range: { low: number; high: number }): [number, number] {
  const grid = (range.high - range.low) / 32;
  return [Math.floor(low / grid - 0.5) * grid, Math.ceil(high / grid + 0.5) * grid];
}

export type { Camera };
