/** Setting thresholds in the selection behind a picker, with Undo. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { asFault, client, need } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { tell } from "@/hooks/useAction";
import { asLimits, type Limits } from "./picks";

export function useApplyLimits(project: string) {
  const queries = useQueryClient();
  const send = (job: string, limits: Limits, reason: string) =>
    need(client.POST("/api/projects/{project}/jobs/{job}/picks/limits", { params: { path: { project, job } }, body: { ...limits, reason } }));
  return useMutation({
    mutationFn: ({ job, limits, reason }: { job: string; limits: Limits; reason?: string }) => send(job, limits, reason ?? ""),
    onSuccess: (applied) => {
      const moved = applied.moved.map((number) => `J${number}`).join(", ");
      const made = applied.created ? `J${applied.job} added: it selects picks by these thresholds${moved ? `; ${moved} ${applied.moved.length === 1 ? "takes" : "take"} them from there` : ""}` : `Thresholds of J${applied.job} set; nothing is picked again`;
      tell(made, () => {
        void send(String(applied.job), asLimits(applied.before), "undo")
          .catch((error) => showFault(asFault(error)))
          .finally(() => queries.invalidateQueries({ queryKey: ["p", project] }));
      });
    },
    onError: (error) => showFault(asFault(error)),
    onSettled: () => queries.invalidateQueries({ queryKey: ["p", project] }),
  });
}
