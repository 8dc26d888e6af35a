/** The limits of figures that the project keeps for its alarms. */
import { useQuery } from "@tanstack/react-query";
import { client, need } from "@/client/client";
import type { Bounds } from "./conditions";

export function useBounds(project: string): Record<string, Bounds> {
  const { data } = useQuery({
    queryKey: ["p", project, "alarm-limits"],
    retry: false,
    queryFn: () => need(client.GET("/api/projects/{project}/alarms/limits", { params: { path: { project } } })),
  });
  return (data as { limits?: Record<string, Bounds> } | undefined)?.limits ?? NONE;
}

const NONE: Record<string, Bounds> = {};
