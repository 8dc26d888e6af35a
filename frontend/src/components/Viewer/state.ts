/** Everything of the viewer that is worth sharing, and its place in the address. */
import { useCallback, useEffect, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import type { Camera } from "./camera";
import { AUTO, type Contrast } from "./contrast";
import type { Defocus } from "./thon";
import type { Box } from "./usePointer";

export interface State {
  /** Number of a frame, "sum", "mean"; `null`: the one that the server shows first. */
  frame: string | null;
  camera: Camera | null;
  contrast: Contrast;
  fft: boolean;
  /** Spectrum with its level taken off. */
  flat: boolean;
  part: Box | null;
  thon: boolean;
  /** Set by hand; `null`: the fit of the image. */
  defocus: Defocus | null;
  thonPart: "all" | "half" | "quadrant";
  /** Resolutions in Å at which rings are drawn. */
  rings: number[];
  curve: boolean;
  layers: string[];
  gallery: boolean;
  panel: boolean;
}

const numbers = (text: string | null) => (text === null ? null : text.split(",").map(Number));
const whole = (values: number[] | null, count: number) => (values?.length === count && values.every(Number.isFinite) ? values : null);

export function parse(params: URLSearchParams): State {
  const view = params.get("view") ?? "";
  const at = whole(numbers(params.get("at")), 3);
  const grey = whole(numbers(params.get("grey")), 2);
  const part = whole(numbers(params.get("part")), 4);
  const defocus = whole(numbers(params.get("defocus")), 4);
  const thon = view === "thon" || view === "curves" || view === "thon_plot";
  return {
    frame: params.get("frame"),
    camera: at && at[2]! > 0 ? { x: at[0]!, y: at[1]!, zoom: at[2]! } : null,
    contrast: grey ? { low: grey[0]!, high: grey[1]!, invert: params.has("invert") } : { ...AUTO, invert: params.has("invert") },
    fft: params.has("fft") || view.startsWith("fft_") || thon,
    flat: params.get("spectrum") !== "log",
    part: part ? { x: part[0]!, y: part[1]!, width: part[2]!, height: part[3]! } : null,
    thon: params.has("thon") || thon,
    defocus: defocus ? { u: defocus[0]!, v: defocus[1]!, angle: defocus[2]!, phaseShift: defocus[3]! } : null,
    thonPart: (["all", "half", "quadrant"] as const).find((entry) => entry === params.get("zeros")) ?? "half",
    rings: (numbers(params.get("rings")) ?? []).filter((r) => r > 0 && Number.isFinite(r)),
    curve: params.has("curve") || view === "curves" || view === "thon_plot",
    layers: (params.get("layers") ?? "").split(",").filter(Boolean),
    gallery: params.has("gallery"),
    panel: params.get("panel") !== "0" && window.innerWidth > 720,
  };
}

function write(before: URLSearchParams, state: State): URLSearchParams {
  const next = new URLSearchParams(before);
  const set = (name: string, value: string | null) => (value === null ? next.delete(name) : next.set(name, value));
  const { camera, contrast, part, defocus } = state;
  set("frame", state.frame);
  set("at", camera && `${camera.x.toFixed(1)},${camera.y.toFixed(1)},${Number(camera.zoom.toPrecision(4))}`);
  const changed = contrast.low !== 0 || contrast.high !== 1;
  set("grey", changed ? `${Number(contrast.low.toFixed(3))},${Number(contrast.high.toFixed(3))}` : null);
  set("invert", contrast.invert ? "1" : null);
  set("fft", state.fft ? "1" : null);
  set("spectrum", state.flat ? null : "log");
  set("part", part && `${part.x},${part.y},${part.width},${part.height}`);
  set("thon", state.thon ? "1" : null);
  set("defocus", defocus && [defocus.u, defocus.v, defocus.angle, defocus.phaseShift].map((v) => Number(v.toFixed(1))).join(","));
  set("zeros", state.thonPart === "half" ? null : state.thonPart);
  set("rings", state.rings.length ? state.rings.join(",") : null);
  set("curve", state.curve ? "1" : null);
  set("layers", state.layers.length ? state.layers.join(",") : null);
  set("gallery", state.gallery ? "1" : null);
  set("panel", state.panel ? null : "0");
  return next;
}

/** The state, quick to change; the address follows a moment later. */
export function useViewerState() {
  const [params, setParams] = useSearchParams();
  const [state, setState] = useState(() => parse(params));
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    const late = setTimeout(() => setParams((before) => write(before, state), { replace: true }), 300);
    return () => clearTimeout(late);
  }, [state, setParams]);
  const update = useCallback(
    (change: Partial<State> | ((state: State) => Partial<State>)) =>
      setState((before) => ({ ...before, ...(typeof change === "function" ? change(before) : change) })),
    [],
  );
  return { state, update, params, setParams };
}
