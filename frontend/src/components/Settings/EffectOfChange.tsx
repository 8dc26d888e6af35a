import { List, Skeleton, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";

/** What would become stale by these changes. */
export function EffectOfChange({ project, changes, children }: { project: string; changes: Record<string, unknown>; children: (allowed: boolean) => ReactNode }) {
  const [asked] = useDebouncedValue(changes, 250);
  const { data, error, isFetching } = useQuery({
    queryKey: ["p", project, "effect", asked],
    retry: false,
    queryFn: () => need(client.POST("/api/projects/{project}/settings/effect", { params: { path: { project } }, body: { values: asked } })),
  });
  const settled = asked === changes && !isFetching;
  return (
    <div role="status" aria-label="What the change does">
      {error && <Fault error={error} />}
      {!data && !error && <Skeleton height={40} mb="xs" />}
      {data && !error && data.stale.length === 0 && <Text size="sm" mb="xs">No result becomes stale.</Text>}
      {data && !error && data.stale.length > 0 && (
        <>
          {data.results > 0 ? (
            <StateBadge state="stale" word={`${counted(data.results, "result")} of ${counted(data.stale.length, "job")} will be computed again`} />
          ) : (
            <Text size="sm">It bears on {counted(data.stale.length, "job")} without results yet; nothing is computed again.</Text>
          )}
          <List size="sm" my={6}>
            {data.stale.slice(0, 8).map((job) => (
              <List.Item key={job.job}>J{job.job} {job.title}: {counted(job.done, "result")}{job.direct ? "" : ", because of a job before it"}</List.Item>
            ))}
            {data.stale.length > 8 && <List.Item>{counted(data.stale.length - 8, "further job")}</List.Item>}
          </List>
        </>
      )}
      {data && !error && data.broken.map((text) => <StateBadge key={text} state="broken" word={text} />)}
      {children(settled && !error)}
    </div>
  );
}
