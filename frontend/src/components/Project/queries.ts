/** Asking for what new and recent projects need. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, need, type Schemas } from "@/client/client";

export type ProjectLine = Schemas["ProjectLine"];
export type NewProject = Schemas["NewProject"];
export type SettingField = Schemas["ProjectSetting"];
export type ModeLine = Schemas["ModeLine"];

export function useRecentProjects(wanted: boolean) {
  return useQuery({
    queryKey: ["projects", "recent"],
    enabled: wanted,
    queryFn: () => need(client.GET("/api/recent-projects")),
  });
}

export function useNewProjectForm(wanted: boolean) {
  return useQuery({
    queryKey: ["new project"],
    enabled: wanted,
    queryFn: () => need(client.GET("/api/new-project")),
  });
}

export function useFolder(path: string | null, wanted: boolean) {
  return useQuery({
    queryKey: ["folder", path],
    enabled: wanted,
    retry: false,
    queryFn: () => need(client.GET("/api/folders", { params: { query: path === null ? {} : { path } } })),
  });
}

/** Make, open or forget a project; the lists follow. */
export function useProjectChanges() {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ["projects"] });
  const create = useMutation({ mutationFn: (body: NewProject) => need(client.POST("/api/projects", { body })), onSettled });
  const open = useMutation({
    mutationFn: (body: Schemas["OpenProject"]) => need(client.POST("/api/projects/open", { body })),
    onSettled,
  });
  const forget = useMutation({
    mutationFn: (project: string) => need(client.DELETE("/api/projects/{project}", { params: { path: { project } } })),
    onSettled,
  });
  return { create, open, forget };
}
