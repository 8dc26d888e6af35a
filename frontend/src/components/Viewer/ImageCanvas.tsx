import { useEffect, useRef, type ReactNode } from "react";
import { fitted, toScreen, type Camera, type Size } from "./camera";
import { paint, type Contrast } from "./contrast";
import type { Raster } from "./place";
import { usePointer, type Box, type Tool } from "./usePointer";
import { useScreen } from "./useScreen";
import classes from "./Viewer.module.css";

/** A raster and where it lies: lower left corner and px of the image per px of the raster. */
export interface Placed {
  raster: Raster;
  x: number;
  y: number;
  scale: number;
}

export interface Sight {
  camera: Camera;
  screen: Size;
}

interface Given {
  image: Size;
  /** Drawn one over the other. */
  rasters: Placed[];
  contrast: Contrast;
  /** `null`: all of the image. */
  camera: Camera | null;
  setCamera: (camera: Camera) => void;
  label: string;
  selecting?: boolean;
  /** What the pointer does in place of moving the image. */
  tool?: Tool;
  onHover?: (point: [number, number] | null, zoom: number) => void;
  onSelect?: (box: Box, done: boolean) => void;
  onSight?: (sight: Sight) => void;
  onDrawn?: () => void;
  /** Drawn over the image, in px of the screen. */
  overlay?: (sight: Sight) => ReactNode;
  /** The same as a layer of its own, under the overlay. */
  layer?: (sight: Sight) => ReactNode;
}

/** An image that is zoomed and moved; row 0 at the bottom. */
export function ImageCanvas(given: Given) {
  const { image, rasters, contrast, setCamera, label, selecting = false, tool, onHover, onSelect, onSight, onDrawn, overlay, layer } = given;
  const { ref, screen } = useScreen<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const camera = given.camera ?? fitted(image, screen);
  usePointer(ref, { camera, image, screen, selecting, tool, setCamera, onHover, onSelect });
  useEffect(() => {
    if (screen.width > 0) onSight?.({ camera, screen });
  }, [camera.x, camera.y, camera.zoom, screen, onSight]); // eslint-disable-line
  useEffect(() => {
    if (!canvas.current || screen.width === 0) return;
    draw(canvas.current, screen, camera, rasters, contrast);
    if (rasters.length > 0) onDrawn?.();
  }, [camera.x, camera.y, camera.zoom, screen, rasters, contrast, onDrawn]); // eslint-disable-line
  return (
    <div ref={ref} className={classes.stage} data-selecting={selecting || tool !== undefined || undefined}>
      <canvas ref={canvas} className={classes.canvas} role="img" aria-label={label} />
      {layer && screen.width > 0 && layer({ camera, screen })}
      {overlay && screen.width > 0 && (
        <svg className={classes.overlay} width={screen.width} height={screen.height} aria-hidden>
          {overlay({ camera, screen })}
        </svg>
      )}
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, screen: Size, camera: Camera, rasters: Placed[], contrast: Contrast): void {
  const density = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(screen.width * density), Math.round(screen.height * density)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext("2d")!;
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.fillStyle = "#0c0d0e";
  pen.fillRect(0, 0, screen.width, screen.height);
  for (const { raster, x, y, scale } of rasters) {
    const [left, bottom] = toScreen(camera, screen, x, y);
    const size = camera.zoom * scale;
    const [w, h] = [raster.width * size, raster.height * size];
    if (left > screen.width || left + w < 0 || bottom < 0 || bottom - h > screen.height) continue;
    pen.imageSmoothingEnabled = size * density < 2.5;
    pen.imageSmoothingQuality = size * density < 0.6 ? "medium" : "low";
    pen.drawImage(paint(raster, contrast), left, bottom - h, w, h);
  }
}
