/** Grey levels: how bytes of a raster become colours. */
import type { Raster } from "./place";

/** Limits relative to those that look well by themselves (0 and 1), so that they hold at every zoom. */
export interface Contrast {
  low: number;
  high: number;
  invert: boolean;
}

export const AUTO: Contrast = { low: 0, high: 1, invert: false };

/** Limits as values of a raster. */
export function limitsOf(contrast: Contrast, range: { dark: number; bright: number }): [number, number] {
  const width = range.bright - range.dark;
  return [range.dark + contrast.low * width, range.dark + contrast.high * width];
}

/** Both limits moved, in parts of their distance. */
export function brighter(contrast: Contrast, by: number): Contrast {
  const shift = by * (contrast.high - contrast.low);
  return { ...contrast, low: contrast.low - shift, high: contrast.high - shift };
}

/** The limits drawn together (factor below 1: more contrast) or apart. */
export function wider(contrast: Contrast, factor: number): Contrast {
  const middle = (contrast.low + contrast.high) / 2;
  const half = Math.max(0.005, ((contrast.high - contrast.low) / 2) * factor);
  return { ...contrast, low: middle - half, high: middle + half };
}

const painted = new WeakMap<Raster, { key: string; canvas: HTMLCanvasElement }>();

/** The raster as a canvas of its size; painted again only when the contrast changes. */
export function paint(raster: Raster, contrast: Contrast): HTMLCanvasElement {
  const key = `${contrast.low} ${contrast.high} ${contrast.invert}`;
  const known = painted.get(raster);
  if (known?.key === key) return known.canvas;
  const canvas = known?.canvas ?? document.createElement("canvas");
  if (!known) {
    canvas.width = raster.width;
    canvas.height = raster.height;
  }
  const image = new ImageData(raster.width, raster.height);
  const out = new Uint32Array(image.data.buffer);
  const colours = tableOf(raster, contrast);
  const { pixels } = raster;
  for (let i = 0; i < out.length; i++) out[i] = colours[pixels[i]!]!;
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  painted.set(raster, { key, canvas });
  return canvas;
}

/** Byte → colour (opaque grey, little-endian RGBA). */
function tableOf(raster: Raster, contrast: Contrast): Uint32Array {
  const [low, high] = limitsOf(contrast, raster);
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const value = raster.low + ((raster.high - raster.low) * byte) / 255;
    const part = Math.min(1, Math.max(0, (value - low) / Math.max(high - low, 1e-30)));
    const grey = Math.round(255 * (contrast.invert ? 1 - part : part));
    table[byte] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}
