/** What is done to jobs of the graph, each with what takes it back. */
import { useCallback, useRef } from "react";
import { counted } from "@/components/format";
import type { JobLine } from "@/components/Job/queries";
import { useAction } from "@/hooks/useAction";
import { behind, readInput } from "./layout";

export function useJobActions(project: string, jobs: readonly JobLine[]) {
  const { mutate, mutateAsync } = useAction(project);
  const latest = useRef(jobs);
  latest.current = jobs;
  const inputsOf = useCallback((job: number) => latest.current.find((one) => one.id === job)?.inputs ?? [], []);
  const setInputs = useCallback(
    (job: number, inputs: string[], told: string) => {
      const before = inputsOf(job);
      const body = (some: string[]) => ({ job, inputs: some, params: null, waits: null, title: null, note: null, priority: null, serial: null, batch: null });
      mutate({ name: "edit_job", body: body(inputs), told, undo: () => mutate({ name: "edit_job", body: body(before) }) });
    },
    [inputsOf, mutate],
  );
  /** One after the other: each takes with it what stands behind. */
  const removeAll = useCallback(
    async (numbers: number[]) => {
      const all = new Set(numbers);
      const first = [...all].filter((job) => !inputsOf(job).some((text) => all.has(readInput(text).source)));
      for (const job of first) await mutateAsync({ name: "remove_job", body: { job, with_all_behind: true } });
    },
    [inputsOf, mutateAsync],
  );

  return {
    connect: (source: number, output: string, target: number) => {
      const name = output === "items" ? `J${source}` : `J${source}:${output}`;
      if (!inputsOf(target).includes(name)) setInputs(target, [...inputsOf(target), name], `J${target} takes the items of ${name}`);
    },
    disconnect: (source: number, output: string, target: number) => {
      const name = output === "items" ? `J${source}` : `J${source}:${output}`;
      setInputs(target, inputsOf(target).filter((entry) => entry !== name), `J${target} no longer takes ${name}`);
    },
    copy: (numbers: number[], done?: (copies: number[]) => void) =>
      mutate(
        { name: "copy_branch", body: { jobs: numbers, params: null, titles: null } },
        { onSuccess: (copies) => done?.(copies as number[]) },
      ),
    copyBranch: (numbers: number[], done?: (copies: number[]) => void) =>
      mutate(
        { name: "copy_branch", body: { jobs: [...behind(jobs, numbers)], params: null, titles: null } },
        { onSuccess: (copies) => done?.(copies as number[]) },
      ),
    removeAll,
    pause: (numbers: number[]) => each(numbers, "pause_job", "paused", "resume_job"),
    resume: (numbers: number[]) => each(numbers, "resume_job", "resumed", "pause_job"),
    cancel: (numbers: number[]) => each(numbers, "cancel_job", "cancelled", "resume_job"),
    retry: (numbers: number[]) => mutate({ name: "retry", body: { jobs: numbers, selection: null }, told: `Failed items of ${counted(numbers.length, "job")} are tried again` }),
  };

  function each(numbers: number[], name: "pause_job" | "resume_job" | "cancel_job", word: string, back: "pause_job" | "resume_job") {
    numbers.forEach((job, place) =>
      mutate({
        name,
        body: { job },
        told: place === numbers.length - 1 ? `${counted(numbers.length, "job")} ${word}` : undefined,
        undo: () => numbers.forEach((one) => mutate({ name: back, body: { job: one } })),
      }),
    );
  }
}

export type JobActions = ReturnType<typeof useJobActions>;
