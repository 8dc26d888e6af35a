/** Questions of the queue to the server. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client, need, type Schemas } from "@/client/client";

export type Queue = Schemas["Queue"];
export type Lane = Schemas["Lane"];
export type NextTask = Schemas["NextTask"];
export type Reason = Schemas["Reason"];
export type TaskLine = Schemas["TaskLine"];
export type TaskDetail = Schemas["TaskDetail"];
export type LogLine = Schemas["LogLine"];

export function useQueue(project: string, limit: number) {
  return useQuery({
    queryKey: ["p", project, "queue", limit],
    placeholderData: keepPreviousData,
    queryFn: () => need(client.GET("/api/projects/{project}/queue", { params: { path: { project }, query: { limit } } })),
  });
}

export interface TaskFilter {
  text: string;
  state: string;
  job: string;
  order: string;
}

export const PAGE = 100;

/** One page of tasks; rows far away are asked for when they come into sight. */
export function useTaskPage(project: string, filter: TaskFilter, page: number) {
  return useQuery({
    queryKey: ["p", project, "tasks", filter, page],
    placeholderData: keepPreviousData,
    queryFn: () =>
      need(
        client.GET("/api/projects/{project}/tasks", {
          params: {
            path: { project },
            query: {
              text: filter.text || undefined,
              state: filter.state || undefined,
              job: /^\d+$/.test(filter.job) ? Number(filter.job) : undefined,
              order: filter.order,
              limit: PAGE,
              offset: page * PAGE,
            },
          },
        }),
      ),
  });
}

export function useTask(project: string, job: number, item: number) {
  return useQuery({
    queryKey: ["p", project, "task", job, item],
    queryFn: () => need(client.GET("/api/projects/{project}/tasks/{job}/{item}", { params: { path: { project, job, item } } })),
  });
}

/** Number of an open task in the address, `3-17` → job and item. */
export function parseTask(text: string): [number, number] | null {
  const parts = text.match(/^(\d+)-(\d+)$/);
  return parts ? [Number(parts[1]), Number(parts[2])] : null;
}
