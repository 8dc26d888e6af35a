/** What an item of a project brings to the viewer: its pictures, neighbours and layers. */
import { useRef } from "react";
import { useTrajectory, useViews } from "@/components/Image/views";
import type { Layer } from "./Panel";
import type { Choice } from "./TopBar";

/** Spectra and drawings open the image that they belong to. */
export function imageOf(view: string): string {
  if (view === "fft_before") return "before";
  return ["before", "after", "after_dw", "odd", "even"].includes(view) ? view : "after";
}

export function useItem(project: string | null, item: number | null, view: string, shown: string[]) {
  const { data } = useViews(project ?? "", project === null ? null : item);
  const views = data?.views;
  const find = (name: string) => views?.views.find((entry) => entry.name === name);
  const motion = find("trajectory");
  const drawn = shown.some((name) => name !== "particles");
  const trajectory = useTrajectory(project ?? "", item ?? 0, drawn && motion?.available ? motion.identity : null).data;
  const why = motion?.available ? null : (motion?.reason ?? "loading");
  const layers: Layer[] = views
    ? [
        { name: "trajectory", label: "Drift", reason: why },
        { name: "patches", label: "Drift of patches", reason: why },
        { name: "field", label: "Local motion", reason: why },
      ]
    : [];
  const choices: Choice[] = (views?.views ?? [])
    .filter((entry) => entry.kind === "image" && entry.available && entry.name !== "particles")
    .map((entry) => ({ value: entry.name, label: entry.title }));
  const identity = find(view)?.identity ?? null;
  return { views, choices, layers, trajectory, version: useVersion(`${project} ${item} ${view}`, identity), missing: views && !find(view)?.available ? find(view)?.reason : null };
}

/** Empty until the picture is made anew: then it changes, and the picture is asked for again. */
function useVersion(key: string, identity: string | null): string {
  const first = useRef<{ key: string; identity: string } | null>(null);
  if (identity !== null && first.current?.key !== key) first.current = { key, identity };
  return first.current?.key === key && identity !== null && identity !== first.current.identity ? identity : "";
}
