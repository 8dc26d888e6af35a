import { Skeleton } from "@mantine/core";
import { useMemo, useRef, useState } from "react";
import { drawable, PickCanvas } from "@/components/Picks/PickCanvas";
import { pickAt, rangeOf, type Pick, type Point } from "@/components/Picks/picks";
import { formatNumber } from "@/components/format";
import type { Camera } from "@/components/Viewer/camera";
import { AUTO } from "@/components/Viewer/contrast";
import { ImageCanvas } from "@/components/Viewer/ImageCanvas";
import { placeOf } from "@/components/Viewer/place";
import { usePicture } from "@/components/Viewer/useImage";
import type { Tool } from "@/components/Viewer/usePointer";
import pickClasses from "@/components/Picks/Picks.module.css";
import type { TryAnswer } from "./useTry";
import classes from "./Tryout.module.css";

interface Given {
  project: string;
  item: number;
  name: string;
  picks: TryAnswer["picks"];
  diameter: number | null;
  below: boolean;
  /** Where given, a circle that is drawn over a particle sets the diameter (Å). */
  onDiameter?: (diameter: number) => void;
  busy: boolean;
}

/** The image with what the job would pick on it; wheel and drag zoom and move it. */
export function TryImage({ project, item, name, picks, diameter, below, onDiameter, busy }: Given) {
  const place = useMemo(() => placeOf(new URLSearchParams({ project, item: String(item) }), "after"), [project, item]);
  const raster = usePicture(place, null, "").data;
  const [camera, setCamera] = useState<Camera | null>(null);
  const [hover, setHover] = useState<Pick | null>(null);
  const [drawn, setDrawn] = useState<{ x: number; y: number; radius: number } | null>(null);
  const level = (raster?.facts.level as number | undefined) ?? 0;
  const image = useMemo(() => ({ width: (raster?.facts.full_width as number) ?? 1024, height: (raster?.facts.full_height as number) ?? 1024 }), [raster]);
  const rasters = useMemo(() => (raster ? [{ raster, x: 0, y: 0, scale: 2 ** level }] : []), [raster, level]);
  const pixel = (raster?.facts.pixel_size as number | null | undefined) ?? 1;
  const found = useMemo(() => (picks ? drawable(picks) : []), [picks]);
  const range = useMemo(() => rangeOf(picks?.score ?? []), [picks]);
  const radius = (diameter ?? 150) / (2 * pixel);
  const done = useRef(onDiameter);
  done.current = onDiameter;
  const tool = useMemo<Tool>(() => {
    let from: Point | null = null;
    const ring = ([x, y]: Point) => from && { x: from[0] - 0.5, y: from[1] - 0.5, radius: Math.hypot(x - from[0], y - from[1]) };
    return {
      down: (at) => {
        from = at;
        return true;
      },
      move: (at) => setDrawn(ring(at)),
      up: (at) => {
        const made = ring(at);
        from = null;
        setDrawn(null);
        if (made && made.radius > 2) done.current?.(Math.max(1, Math.round(2 * made.radius * pixel)));
      },
      cancel: () => {
        from = null;
        setDrawn(null);
      },
    };
  }, [pixel]);
  return (
    <div className={classes.image} data-busy={busy || undefined}>
      {!raster && <Skeleton height="100%" radius={4} />}
      {raster && (
        <ImageCanvas
          image={image}
          rasters={rasters}
          contrast={AUTO}
          camera={camera}
          setCamera={setCamera}
          label={`${name} with what would be picked`}
          tool={onDiameter ? tool : undefined}
          onHover={(point, zoom) => setHover(point ? pickAt(found, [point[0] - 0.5, point[1] - 0.5], Math.max(radius, 6 / zoom), below, false) : null)}
          layer={(sight) => (
            <PickCanvas picks={found} camera={sight.camera} screen={sight.screen} radius={radius} look={{ low: range?.[0] ?? 0, high: range?.[1] ?? 1, below, gone: false, hover }} ring={drawn} />
          )}
        />
      )}
      {drawn && <div className={pickClasses.tip}>{Math.round(2 * drawn.radius * pixel)} Å</div>}
      {hover && !drawn && (
        <div className={pickClasses.tip}>
          score {formatNumber(hover.score)} · power {formatNumber(hover.power)}
          {hover.kind === "below" ? " · below the threshold" : ""}
        </div>
      )}
    </div>
  );
}
