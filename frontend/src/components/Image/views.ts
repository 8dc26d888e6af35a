/** The views of an item: which there are, and where their pictures are. */
import { useQuery } from "@tanstack/react-query";
import { client, need } from "@/client/client";
import type { paths } from "@/client/schema";

type Answer<P extends keyof paths> = paths[P] extends { get: { responses: { 200: { content: { "application/json": infer T } } } } } ? T : never;
export type ViewsAnswer = Answer<"/api/projects/{project}/items/{item}/views">;
export type View = ViewsAnswer["views"]["views"][number];
type Pair = [number, number];
/** x, y in px of the recorded frame; shift `[frame][y][x]` and mean `[frame]` in Å. */
export type TrajectoryData = Omit<Answer<"/api/projects/{project}/items/{item}/trajectory">, "shift" | "mean"> & { shift: Pair[][][]; mean: Pair[] };
export type CurvesData = Answer<"/api/projects/{project}/items/{item}/curves">;
export type SetName = "image" | "drift" | "particles";

/** Four views of each set, so that places are kept before the server has answered. */
export const SETS: Record<SetName, { title: string; views: [string, string, string, string] }> = {
  image: { title: "Image", views: ["before", "fft_before", "after", "fft_after"] },
  drift: { title: "Drift", views: ["after", "fft_after", "trajectory", "thon"] },
  particles: { title: "Particles", views: ["particles", "fft_after", "trajectory", "thon"] },
};

/** Captions, so that nothing jumps when the answer comes. */
export const CAPTIONS: Record<string, string> = {
  before: "Before drift correction", fft_before: "FFT before", after: "After drift correction", fft_after: "FFT after",
  after_dw: "Exposure-filtered", odd: "Odd frames", even: "Even frames", particles: "Background taken off",
  trajectory: "Drift", thon: "Thon rings and fit", thon_plot: "Thon rings and curves", curves: "Fit of the CTF",
};

/** The views that an item has now; asked again when the project's data change. */
export function useViews(project: string, item: number | null) {
  return useQuery({
    queryKey: ["p", project, "views", item],
    enabled: item !== null,
    queryFn: () =>
      need(client.GET("/api/projects/{project}/items/{item}/views", { params: { path: { project, item: item! } } })),
  });
}

export function useTrajectory(project: string, item: number, identity: string | null | undefined) {
  return useQuery<TrajectoryData>({
    queryKey: ["picture", project, "trajectory", item, identity],
    enabled: identity != null,
    staleTime: Infinity,
    queryFn: () =>
      need(client.GET("/api/projects/{project}/items/{item}/trajectory", { params: { path: { project, item } } })) as Promise<unknown> as Promise<TrajectoryData>,
  });
}

export function useCurves(project: string, item: number, identity: string | null | undefined) {
  return useQuery({
    queryKey: ["picture", project, "curves", item, identity],
    enabled: identity != null,
    staleTime: Infinity,
    queryFn: () => need(client.GET("/api/projects/{project}/items/{item}/curves", { params: { path: { project, item } } })),
  });
}

/** Address of a picture; with the view's identity the browser keeps it for ever. */
export function pictureUrl(project: string, item: number, view: View, size: number): string {
  const given = new URLSearchParams({ size: String(size) });
  if (view.identity) given.set("v", view.identity);
  return `/api/projects/${encodeURIComponent(project)}/items/${item}/views/${view.name}.png?${given.toString()}`;
}

/** Address of the viewer with a view of an item. */
export function viewerUrl(project: string, item: number, view: string): string {
  return `/view?${new URLSearchParams({ project, item: String(item), view }).toString()}`;
}
