import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { Fault } from "@/components/Fault/Fault";
import { formatNumber } from "@/components/format";
import type { Camera } from "./camera";
import { AUTO, type Contrast } from "./contrast";
import { Curve } from "./Curve";
import { ImageCanvas, type Sight } from "./ImageCanvas";
import { CursorRing, ResolutionRings, ThonRings } from "./overlays";
import { getRaster, urlOf, type Facts, type Place, type Raster } from "./place";
import type { State } from "./state";
import { defocusOf, opticsOf } from "./ThonPanel";
import classes from "./Viewer.module.css";

interface Given {
  place: Place;
  facts: Facts;
  state: State;
  contrast: Contrast;
  onPoint: (point: { x: number; y: number; size: number } | null) => void;
}

/** The power spectrum of the image or of the chosen rectangle, with rings and curves. */
export function FourierPane({ place, facts, state, contrast, onPoint }: Given) {
  const [camera, setCamera] = useState<Camera | null>(null);
  const [point, setPoint] = useState<[number, number] | null>(null);
  const { part } = state;
  const text = part ? `${part.x},${part.y},${part.width},${part.height}` : undefined;
  const more = { frame: facts.frame, part: text, flat: state.flat ? "true" : "false", encoding: "raw", v: facts.stamp };
  const { data, error, isFetching } = useQuery<Raster>({
    queryKey: ["spectrum", place.base, place.query, more],
    staleTime: Infinity,
    gcTime: 60_000,
    retry: 1,
    placeholderData: (before: Raster | undefined) => before,
    queryFn: ({ signal }) => getRaster(urlOf(place, "spectrum", more), signal),
  });
  const size = data?.width ?? 1024;
  const image = useMemo(() => ({ width: size, height: size }), [size]);
  const rasters = useMemo(() => (data ? [{ raster: data, x: 0, y: 0, scale: 1 }] : []), [data]);
  const pixel = facts.pixel_size;
  const hover = useCallback(
    (at: [number, number] | null) => {
      setPoint(at);
      onPoint(at && { x: at[0], y: at[1], size });
    },
    [onPoint, size],
  );
  const optics = opticsOf(facts);
  const overlay = (sight: Sight) => (
    <>
      {pixel && state.rings.length > 0 && <ResolutionRings sight={sight} size={size} pixel={pixel} resolutions={state.rings} />}
      {pixel && state.thon && optics && <ThonRings sight={sight} size={size} pixel={pixel} optics={optics} defocus={defocusOf(state, facts)} part={state.thonPart} />}
      {point && <CursorRing sight={sight} size={size} point={point} />}
    </>
  );
  return (
    <section className={classes.pane} aria-label="Fourier space">
      {error && (
        <div className={classes.middle}>
          <Fault error={error} />
        </div>
      )}
      <ImageCanvas image={image} rasters={rasters} contrast={contrast ?? AUTO} camera={camera} setCamera={setCamera} label={`Power spectrum of ${part ? "the chosen rectangle" : facts.name}`} onHover={hover} overlay={overlay} />
      <div className={classes.badge} role="status">
        {isFetching ? <span className={classes.pulse}>FFT is computed …</span> : `FFT of ${part ? `${part.width} × ${part.height} px` : "the whole image"}, edge ${pixel ? `${formatNumber(2 * pixel, 2)} Å` : "Nyquist"}`}
      </div>
      {state.curve && <Curve place={place} facts={facts} part={part} optics={optics} defocus={defocusOf(state, facts)} />}
    </section>
  );
}

/** Frequency and resolution of a point of a spectrum. */
export function resolutionText(point: { x: number; y: number; size: number }, pixel: number | null): string {
  const r = Math.hypot(point.x - point.size / 2 - 0.5, point.y - point.size / 2 - 0.5);
  if (pixel === null) return `${formatNumber(r / point.size, 4)} 1/px, ${r < 0.5 ? "–" : formatNumber(point.size / r, 2)} px`;
  const frequency = r / (point.size * pixel);
  return `${r < 0.5 ? "–" : formatNumber(1 / frequency, 2)} Å, ${formatNumber(frequency, 4)} 1/Å`;
}
