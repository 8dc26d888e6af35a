import { Anchor, Group, Skeleton, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { Histogram } from "@/components/Chart/Histogram";
import { Fault } from "@/components/Fault/Fault";
import { JobClasses } from "@/components/Classes/ClassStrip";
import { isClassJob } from "@/components/Classes/classes";
import { counted, formatCount, shown } from "@/components/format";
import { useJobs } from "@/components/Job/queries";
import { StateBadge } from "@/components/State/StateBadge";
import { Files } from "./Files";
import { Ranked } from "./Ranked";
import { stateText } from "@/components/Workflow/words";
import classes from "./Results.module.css";
import { rankedBy, telling, useHistogram, type JobResult } from "./results";
import { YieldCard } from "./YieldCard";

/** The figures, images and files of one job. */
export function JobResults({ project, result }: { project: string; result: JobResult }) {
  const columns = telling(result);
  const by = rankedBy(result);
  const line = useJobs(project).data?.jobs.find((job) => job.id === result.job);
  return (
    <>
      <Group gap="md" wrap="wrap">
        <Title order={2}>J{result.job} {result.title}</Title>
        <StateBadge state={line?.state ?? result.state} word={line && stateText(line)} />
        <Text size="sm" c="dimmed">{counted(result.done, "result")}</Text>
        <Anchor size="sm" component={Link} to={`/p/${project}/workflow?job=${result.job}`}>Open in the workflow</Anchor>
      </Group>
      {isClassJob(result) && (
        <section className={classes.card}><JobClasses project={project} job={result.job} /></section>
      )}
      {result.filter && <YieldCard project={project} result={result} />}
      {columns.length > 0 && (
        <section className={classes.card} aria-labelledby="distributions">
          <Title order={3} id="distributions" mb="xs">Distributions</Title>
          <div className={classes.histograms}>
            {columns.map((column) => <Distribution key={column.name} project={project} column={column} />)}
          </div>
        </section>
      )}
      {by && <Ranked project={project} column={by} />}
      <Files project={project} result={result} />
      {!result.filter && columns.length === 0 && result.files.length === 0 && (
        <Text size="sm" c="dimmed">This job gives no figures or files of its own.</Text>
      )}
    </>
  );
}

function Distribution({ project, column }: { project: string; column: JobResult["columns"][number] }) {
  const { data, error } = useHistogram(project, column.name);
  const unit = shown(column.name, column.unit).unit;
  return (
    <figure style={{ margin: 0, minWidth: 0 }}>
      <Text size="sm" component="figcaption" title={column.meaning}>
        {column.name.replace(/_/g, " ")}
        {unit ? ` / ${unit}` : ""}
        {data && data.unknown > 0 && <Text span size="xs" c="dimmed">{`  ${formatCount(data.unknown)} unknown`}</Text>}
      </Text>
      {error && <Fault error={error} />}
      {!data && !error && <Skeleton height={120} />}
      {data && <Histogram column={column.name} edges={data.edges} counts={data.counts} unit={column.unit} below={data.below} above={data.above} />}
    </figure>
  );
}
