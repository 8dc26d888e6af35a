import { Skeleton, Stack, Text } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { client, need } from "@/client/client";
import { Histogram } from "@/components/Chart/Histogram";
import { Fault } from "@/components/Fault/Fault";
import { titleOf } from "@/components/Form/fields";
import { counted, shown } from "@/components/format";
import type { JobPage } from "./queries";

/** Histograms of the columns that the job gives, over the items that show its values. */
export function PlotsTab({ project, job }: { project: string; job: JobPage }) {
  const { data } = useQuery({
    queryKey: ["p", project, "plots", job.id],
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/plots", { params: { path: { project, job: String(job.id) } } })),
    placeholderData: keepPreviousData,
  });
  if (!data) return <Skeleton height={180} />;
  if (data.length === 0) return <Text size="sm" c="dimmed">It has given no numbers yet.</Text>;
  return (
    <Stack gap="md">
      {data.map((plot) => {
        const slot = job.columns.find((column) => column.name === plot.column)?.slot;
        return <Plot key={plot.column} project={project} column={plot.column} unit={plot.unit} meaning={plot.meaning} expression={`${slot}_job = ${job.id}`} />;
      })}
    </Stack>
  );
}

interface PlotProps {
  project: string;
  column: string;
  unit: string | null | undefined;
  meaning: string;
  expression: string;
}

function Plot({ project, column, unit, meaning, expression }: PlotProps) {
  const { data, error } = useQuery({
    queryKey: ["p", project, "histogram", column, expression, 40],
    queryFn: () => need(client.GET("/api/projects/{project}/histogram", { params: { path: { project }, query: { column, bins: 40, expression } } })),
    placeholderData: keepPreviousData,
  });
  const known = data ? data.counts.reduce((sum, n) => sum + n, 0) : 0;
  const told = shown(column, unit).unit;
  if (data && known === 0) return null;
  return (
    <section aria-label={titleOf(column)}>
      <Text size="sm" fw={600} span>{titleOf(column)}{told ? ` / ${told}` : ""}</Text>
      <Text size="xs" c="dimmed" span ml={8}>{meaning}{data ? ` · ${counted(known, "item")}` : ""}</Text>
      {error && <Fault error={error} />}
      {data ? <Histogram column={column} unit={unit} edges={data.edges} counts={data.counts} height={96} /> : <Skeleton height={96} />}
    </section>
  );
}
