/** Questions about results to the server. */
import { useQuery } from "@tanstack/react-query";
import { client, need, type Schemas } from "@/client/client";

export type JobResult = Schemas["JobResult"];
export type Yield = Schemas["Yield"];

export function useResults(project: string) {
  return useQuery({
    queryKey: ["p", project, "results"],
    queryFn: () => need(client.GET("/api/projects/{project}/results", { params: { path: { project } } })),
  });
}

export function useYield(project: string, job: number) {
  return useQuery({
    queryKey: ["p", project, "yield", job],
    queryFn: () => need(client.GET("/api/projects/{project}/results/yield/{job}", { params: { path: { project, job } } })),
  });
}

export function useHistogram(project: string, column: string) {
  return useQuery({
    queryKey: ["p", project, "histogram", column],
    queryFn: () => need(client.GET("/api/projects/{project}/histogram", { params: { path: { project }, query: { column, bins: 40 } } })),
  });
}

/** The first images by a column. */
export function useFirst(project: string, column: string, direction: "asc" | "desc", columns: string[]) {
  return useQuery({
    queryKey: ["p", project, "first", column, direction, columns],
    queryFn: () =>
      need(
        client.GET("/api/projects/{project}/items", {
          params: { path: { project }, query: { columns: columns.join(","), order: `${column}:${direction}`, limit: 6 } },
        }),
      ),
  });
}

/** Columns that tell most of a job's results, best first; at most six. */
const TELLING = [
  "fit_resolution", "defocus", "score", "defocus_difference", "astigmatism_angle", "phase_shift", "iciness", "counts_per_frame", "relative_stddev",
  "ice_ring_density", "counted_dose", "drift_total", "drift_early", "drift_late", "local_motion_max", "drift_jitter", "stage_tilt", "target_defocus",
];
export function telling(result: JobResult): JobResult["columns"] {
  const known = new Map(result.columns.map((column) => [column.name, column]));
  return TELLING.flatMap((name) => known.get(name) ?? []).slice(0, 6);
}

/** The column by which a job's images are called best. */
export function rankedBy(result: JobResult): string | null {
  const names = new Set(result.columns.map((column) => column.name));
  return ["fit_resolution", "iciness", "drift_total"].find((name) => names.has(name)) ?? null;
}

/** The library with the images of one condition; the first of them is chosen. */
export function libraryUrl(project: string, condition: string): string {
  return `/p/${project}/library?where=${encodeURIComponent(JSON.stringify([condition]))}&row=0`;
}
