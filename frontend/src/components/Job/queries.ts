/** Jobs and job types of a project, asked again whenever its data change. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client, need, type Schemas } from "@/client/client";

export type JobLine = Schemas["JobLine"];
export type JobPage = Schemas["JobPage"];
export type JobType = Schemas["JobTypeSchema"];
export type FittingInput = Schemas["FittingInput"];
export type CheckAnswer = Schemas["CheckAnswer"];

export function useJobs(project: string) {
  return useQuery({
    queryKey: ["p", project, "jobs"],
    queryFn: () => need(client.GET("/api/projects/{project}/jobs", { params: { path: { project } } })),
    placeholderData: keepPreviousData,
  });
}

export function useJob(project: string, job: number | null) {
  return useQuery({
    queryKey: ["p", project, "job", job],
    enabled: job !== null,
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}", { params: { path: { project, job: String(job) } } })),
    placeholderData: (before: JobPage | undefined) => (before?.id === job ? before : undefined),
  });
}

export function useJobTypes(project: string) {
  return useQuery({
    queryKey: ["job-types", project],
    staleTime: 60_000,
    queryFn: () => need(client.GET("/api/projects/{project}/job-types", { params: { path: { project } } })),
  });
}

export function useFittingInputs(project: string, name: string | null, job?: number) {
  return useQuery({
    queryKey: ["p", project, "inputs", name, job ?? null],
    enabled: name !== null,
    queryFn: () =>
      need(client.GET("/api/projects/{project}/job-types/{name}/inputs", { params: { path: { project, name: name! }, query: { job } } })),
    placeholderData: keepPreviousData,
  });
}

/** What is wrong with a form as it stands, what is inherited, and what a change does. */
export function useCheck(project: string, name: string, body: Schemas["CheckRequest"]) {
  return useQuery({
    queryKey: ["p", project, "check", name, body],
    queryFn: () => need(client.POST("/api/projects/{project}/job-types/{name}/check", { params: { path: { project, name } }, body })),
    placeholderData: keepPreviousData,
  });
}

/** Whether a job of a type can take what leaves a job with these slots; the server checks it again. */
export function fits(needs: readonly (readonly string[])[], slots: readonly string[]): boolean {
  return needs.every((alternatives) => alternatives.some((slot) => slots.includes(slot)));
}

/** Whether a job type can stand behind a job. */
export function fitsBehind(type: JobType, job: JobLine): boolean {
  if (type.scope === "source") return false;
  return fits(type.needs, job.slots);
}
