/** How the engine of a project is told in one word, and asking for all that is known of it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { asFault, client, need, type Schemas } from "@/client/client";
import type { ProjectState } from "@/client/live";
import { showFault } from "@/components/Fault/Fault";

export type EngineFacts = Schemas["Engine"];

/** State (for icon and colour) and word of an engine, from what the stream says of the project. */
export function engineLook(state: Pick<ProjectState, "engine" | "engine_kept" | "conditions">): { state: string; word: string } {
  const kept = state.engine_kept?.state ?? null;
  if (kept === "pausing") return { state: "failed", word: "engine crashed" };
  if (kept === "refused" && state.engine !== "running") return { state: "failed", word: "engine could not start" };
  if (kept === "stopping") return { state: "waiting", word: "engine ends" };
  if (kept === "starting") return { state: "waiting", word: "engine starts" };
  if (state.engine === "running") return kept === "running" ? { state: "running", word: "engine runs" } : { state: "running", word: "runs elsewhere" };
  if (state.engine === "held") return { state: "waiting", word: "in use" };
  if (state.engine === "stale") return { state: "severe", word: "abandoned" };
  return { state: "stopped", word: "engine stopped" };
}

const path = (project: string) => ({ params: { path: { project } } });

export function useEngine(project: string) {
  return useQuery({
    queryKey: ["engine", project],
    queryFn: () => need(client.GET("/api/projects/{project}/engine", path(project))),
    refetchInterval: 2000,
    staleTime: 0,
  });
}

export function useProfiles(project: string, wanted: boolean) {
  return useQuery({
    queryKey: ["engine profiles", project],
    enabled: wanted,
    queryFn: () => need(client.GET("/api/projects/{project}/engine/profiles", path(project))),
  });
}

/** Start, stop or unlock; the answer is how the engine is then. */
export function useEngineActions(project: string) {
  const queries = useQueryClient();
  const common = {
    onSuccess: (engine: EngineFacts) => queries.setQueryData(["engine", project], engine),
    onError: (error: unknown) => showFault(asFault(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: ["projects"] }),
  };
  const start = useMutation({
    ...common,
    mutationFn: (body: Schemas["EngineStart"]) => need(client.POST("/api/projects/{project}/engine/start", { ...path(project), body })),
  });
  const stop = useMutation({
    ...common,
    mutationFn: (now: boolean) => need(client.POST("/api/projects/{project}/engine/stop", { ...path(project), body: { now } })),
  });
  const unlock = useMutation({
    ...common,
    mutationFn: () => need(client.POST("/api/projects/{project}/engine/unlock", path(project))),
  });
  return { start, stop, unlock };
}

/** Use of the server's machine, asked now and then. */
export function useMachine() {
  return useQuery({
    queryKey: ["machine"],
    queryFn: () => need(client.GET("/api/machine")),
    refetchInterval: 10_000,
    staleTime: 9_000,
  });
}
