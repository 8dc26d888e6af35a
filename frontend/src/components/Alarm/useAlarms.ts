/** Alarms, limits, rules and receivers of a project. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { asFault, client, need, type Schemas } from "@/client/client";
import { showFault } from "@/components/Fault/Fault";
import { useEffect, useState } from "react";

export type AlarmView = Schemas["AlarmView"];
export type ColumnLimits = Schemas["ColumnLimits"];
export type RuleSet = Schemas["RuleSet"];
export type ReceiverView = Schemas["ReceiverView"];
export type ReceiverGiven = Schemas["ReceiverGiven"];

const at = (project: string) => ({ params: { path: { project } } });

/** Open alarms and those that have passed. */
export function useAlarms(project: string) {
  return useQuery({
    queryKey: ["p", project, "alarms"],
    queryFn: () => need(client.GET("/api/projects/{project}/alarms", at(project))),
  });
}

/** The limits of columns, with the defaults and the catalogue's units. */
export function useLimits(project: string) {
  return useQuery({
    queryKey: ["p", project, "limits"],
    queryFn: () => need(client.GET("/api/projects/{project}/alarms/limits", at(project))),
  });
}

export function useRules(project: string) {
  return useQuery({
    queryKey: ["p", project, "alarm rules"],
    queryFn: () => need(client.GET("/api/projects/{project}/alarms/rules", at(project))),
  });
}

/** Who is told; operators may know. */
export function useReceivers(project: string, enabled: boolean) {
  return useQuery({
    queryKey: ["p", project, "receivers"],
    enabled,
    queryFn: () => need(client.GET("/api/projects/{project}/alarms/receivers", at(project))),
  });
}

export function useSetReceivers(project: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: ReceiverGiven[]) => need(client.PUT("/api/projects/{project}/alarms/receivers", { ...at(project), body })),
    onSuccess: (found) => queries.setQueryData(["p", project, "receivers"], found),
    onError: (error) => showFault(asFault(error)),
  });
}

export function useTestReceivers(project: string) {
  return useMutation({
    mutationFn: (receiver: string | null) =>
      need(client.POST("/api/projects/{project}/alarms/test", { ...at(project), body: { receiver } })),
    onError: (error) => showFault(asFault(error)),
  });
}

/** s since 1970, told anew each half minute. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

const TITLES: Record<string, string> = {
  counts_per_frame: "Counts per frame",
  relative_stddev: "Relative std. deviation",
  drift_total: "Drift",
  defocus: "Defocus",
  defocus_difference: "Defocus difference",
  fit_resolution: "Fit resolution",
  iciness: "Iciness",
};

/** A column in words. */
export function columnTitle(column: string): string {
  return TITLES[column] ?? column.replace(/_/g, " ").replace(/^./, (letter) => letter.toUpperCase());
}
