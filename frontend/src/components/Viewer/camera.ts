/** What part of an image is seen: pure functions. Image coordinates are px from the lower left corner, y upwards. */

export interface Size {
  width: number;
  height: number;
}

/** The image point in the middle of the screen, and CSS px per image px. */
export interface Camera {
  x: number;
  y: number;
  zoom: number;
}

const MOST = 64;

/** The camera that shows the whole image. */
export function fitted(image: Size, screen: Size): Camera {
  const zoom = Math.min(screen.width / image.width, screen.height / image.height);
  return { x: image.width / 2, y: image.height / 2, zoom: zoom > 0 ? zoom : 1 };
}

export function toScreen(camera: Camera, screen: Size, x: number, y: number): [number, number] {
  return [screen.width / 2 + (x - camera.x) * camera.zoom, screen.height / 2 - (y - camera.y) * camera.zoom];
}

export function toImage(camera: Camera, screen: Size, px: number, py: number): [number, number] {
  return [camera.x + (px - screen.width / 2) / camera.zoom, camera.y - (py - screen.height / 2) / camera.zoom];
}

/** Zoomed by a factor about a point of the screen, which stays where it is. */
export function zoomed(camera: Camera, image: Size, screen: Size, factor: number, px: number, py: number): Camera {
  const least = 0.2 * fitted(image, screen).zoom;
  const zoom = Math.min(MOST, Math.max(least, camera.zoom * factor));
  const [x, y] = toImage(camera, screen, px, py);
  return held({ x: x - (px - screen.width / 2) / zoom, y: y + (py - screen.height / 2) / zoom, zoom }, image);
}

/** Moved by px of the screen. */
export function moved(camera: Camera, image: Size, dx: number, dy: number): Camera {
  return held({ ...camera, x: camera.x - dx / camera.zoom, y: camera.y + dy / camera.zoom }, image);
}

/** The middle of the screen stays on the image. */
function held(camera: Camera, image: Size): Camera {
  const x = Math.min(image.width, Math.max(0, camera.x));
  const y = Math.min(image.height, Math.max(0, camera.y));
  return { ...camera, x, y };
}
