/** The project of the address. */
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { client, need } from "@/client/client";
import { hasRole, useMe } from "./useMe";

/** Key of the project in the address `/p/:project/…`. */
export function useProjectKey(): string {
  return useParams().project ?? "";
}

/** Mode, settings, jobs, items, disk, holder, conditions and, in a sentence, how it is. */
export function useOverview(project: string) {
  return useQuery({
    queryKey: ["p", project, "overview"],
    queryFn: () => need(client.GET("/api/projects/{project}", { params: { path: { project } } })),
  });
}

/** Whether the user may change things in the project. */
export function useMayChange(project: string): boolean {
  return hasRole(useMe().data, "operator", project);
}

export function useProjects() {
  return useQuery({ queryKey: ["projects"], queryFn: () => need(client.GET("/api/projects")) });
}
