/** Moving, zooming and choosing a rectangle by mouse, pen and fingers. */
import { useEffect, useRef, type RefObject } from "react";
import { moved, toImage, zoomed, type Camera, type Size } from "./camera";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What the pointer does in place of moving the image; places in px of the image. */
export interface Tool {
  /** Whether it takes what begins here. */
  down: (at: [number, number], zoom: number) => boolean;
  move: (at: [number, number], zoom: number) => void;
  up: (at: [number, number], zoom: number) => void;
  /** A second finger has come, or the pointer is gone. */
  cancel: () => void;
  /** A press without movement that it has not taken. */
  click?: (at: [number, number], zoom: number) => void;
}

/** px of the screen within which a press is no movement. */
const STILL = 5;

interface Given {
  camera: Camera;
  image: Size;
  screen: Size;
  selecting: boolean;
  tool?: Tool;
  setCamera: (camera: Camera) => void;
  onHover?: (point: [number, number] | null, zoom: number) => void;
  onSelect?: (box: Box, done: boolean) => void;
}

/** Handlers are set once; what they need is read when they are called. */
export function usePointer(ref: RefObject<HTMLElement | null>, given: Given): void {
  const now = useRef(given);
  now.current = given;
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const fingers = new Map<number, [number, number]>();
    let from: [number, number] | null = null;
    let held: Tool | null = null;
    let pressed: [number, number] | null = null;
    const zoom = () => now.current.camera.zoom;
    const at = (event: PointerEvent | WheelEvent): [number, number] => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const set = (camera: Camera) => {
      now.current.camera = camera; // several events may come before the page is drawn again
      now.current.setCamera(camera);
    };
    const point = (p: [number, number]) => toImage(now.current.camera, now.current.screen, ...p);

    const down = (event: PointerEvent) => {
      if (event.button > 0) return;
      element.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, at(event));
      const { selecting, onSelect } = now.current;
      from = onSelect && (selecting || event.shiftKey) && fingers.size === 1 ? point(at(event)) : null;
      if (fingers.size > 1) {
        held?.cancel();
        held = pressed = null;
        return;
      }
      pressed = from ? null : at(event);
      const { tool } = now.current;
      held = !from && tool?.down(point(at(event)), zoom()) ? tool : null;
    };
    const move = (event: PointerEvent) => {
      const here = at(event);
      now.current.onHover?.(point(here), zoom());
      const before = fingers.get(event.pointerId);
      if (!before) return;
      if (pressed && Math.hypot(here[0] - pressed[0], here[1] - pressed[1]) > STILL) pressed = null;
      else if (pressed && now.current.tool && !held) return; // a finger is never quite still
      if (held) held.move(point(here), zoom());
      else if (from) now.current.onSelect?.(boxOf(from, point(here)), false);
      else if (fingers.size === 1) set(moved(now.current.camera, now.current.image, here[0] - before[0], here[1] - before[1]));
      else pinch(event.pointerId, before, here);
      fingers.set(event.pointerId, here);
    };
    const pinch = (id: number, before: [number, number], here: [number, number]) => {
      const other = [...fingers].find(([key]) => key !== id)?.[1];
      if (!other) return;
      const factor = Math.hypot(here[0] - other[0], here[1] - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
      const { camera, image, screen } = now.current;
      const turned = zoomed(camera, image, screen, factor, (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
      set(moved(turned, image, (here[0] - before[0]) / 2, (here[1] - before[1]) / 2));
    };
    const up = (event: PointerEvent) => {
      if (from && fingers.has(event.pointerId)) now.current.onSelect?.(boxOf(from, point(at(event))), true);
      from = null;
      const done = event.type === "pointerup" && fingers.has(event.pointerId);
      if (held && done) held.up(point(at(event)), zoom());
      else if (held) held.cancel();
      else if (pressed && done) now.current.tool?.click?.(point(at(event)), zoom());
      held = pressed = null;
      fingers.delete(event.pointerId);
      if (event.pointerType !== "mouse") now.current.onHover?.(null, zoom());
    };
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 30 : 1;
      const factor = Math.exp(-Math.max(-300, Math.min(300, event.deltaY * lines)) * 0.0022);
      const { camera, image, screen } = now.current;
      set(zoomed(camera, image, screen, factor, ...at(event)));
    };
    const leave = () => now.current.onHover?.(null, zoom());
    element.addEventListener("pointerdown", down);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", up);
    element.addEventListener("pointercancel", up);
    element.addEventListener("pointerleave", leave);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("pointermove", move);
      element.removeEventListener("pointerup", up);
      element.removeEventListener("pointercancel", up);
      element.removeEventListener("pointerleave", leave);
      element.removeEventListener("wheel", wheel);
    };
  }, [ref]);
}

/** The rectangle between two points, in whole px. */
function boxOf(a: [number, number], b: [number, number]): Box {
  const x = Math.round(Math.min(a[0], b[0]));
  const y = Math.round(Math.min(a[1], b[1]));
  return { x, y, width: Math.round(Math.abs(a[0] - b[0])), height: Math.round(Math.abs(a[1] - b[1])) };
}
