import { Button, NavLink, Skeleton, Text, TextInput, Title } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatCount } from "@/components/format";
import { useProjectKey } from "@/hooks/useProject";
import { useUrlState } from "@/hooks/useUrlState";
import { JobResults } from "./JobResults";
import classes from "./Results.module.css";
import { useResults, type JobResult } from "./results";

const MOST = 60;

/** What each job has given. */
export function ResultsPage() {
  const project = useProjectKey();
  const [chosen, setChosen] = useUrlState("job", "", false);
  const { data, error, refetch } = useResults(project);
  if (error) return <Fault error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={300} m="md" />;
  const some = data.filter((result) => result.done > 0 || result.filter || result.columns.length > 0);
  if (some.length === 0) return <Nothing project={project} />;
  const shown = some.find((result) => String(result.job) === chosen) ?? best(some);
  return (
    <div className={classes.page}>
      <JobList results={some} chosen={shown.job} choose={(job) => setChosen(String(job))} />
      <div className={classes.main}>
        <JobResults key={shown.job} project={project} result={shown} />
        <Text size="sm" c="dimmed">
          Maps appear here once jobs that make them have run.
        </Text>
      </div>
    </div>
  );
}

/** The job that tells most: that of the CTF, else the last one with figures. */
function best(results: JobResult[]): JobResult {
  const figures = results.filter((result) => result.columns.length > 0);
  return figures.find((result) => result.columns.some((column) => column.name === "fit_resolution")) ?? figures[figures.length - 1] ?? results[0]!;
}

function JobList({ results, chosen, choose }: { results: JobResult[]; chosen: number; choose: (job: number) => void }) {
  const [text, setText] = useState("");
  const words = text.toLowerCase();
  const fitting = results.filter((result) => `j${result.job} ${result.title} ${result.type}`.toLowerCase().includes(words));
  return (
    <nav className={classes.jobs} aria-label="Jobs with results">
      <Title order={1} mb="xs" ml={8}>Results</Title>
      {results.length > 12 && (
        <TextInput size="xs" mb={6} aria-label="Find a job" placeholder="Find a job" leftSection={<IconSearch size={14} />} value={text} onChange={(event) => setText(event.currentTarget.value)} />
      )}
      {fitting.slice(0, MOST).map((result) => (
        <NavLink
          key={result.job}
          component="button"
          type="button"
          active={result.job === chosen}
          aria-current={result.job === chosen ? "true" : undefined}
          label={`J${result.job} ${result.title}`}
          description={describe(result)}
          onClick={() => choose(result.job)}
        />
      ))}
      {fitting.length > MOST && <Text size="xs" c="dimmed" p={8}>{counted(fitting.length - MOST, "further job")}: find them by name</Text>}
    </nav>
  );
}

function describe(result: JobResult): string {
  const out = Object.entries(result.leaving).map(([name, number]) => `${formatCount(number)} ${name === "items" ? "kept" : name}`);
  if (out.length > 0) return out.join(", ");
  if (result.filter) return "a filter";
  return result.done > 0 ? counted(result.done, "result") : result.type;
}

function Nothing({ project }: { project: string }) {
  return (
    <Empty title="No results yet" action={<Button component={Link} to={`/p/${project}/workflow`}>Open the workflow</Button>}>
      Figures, best and worst images, filters and files appear here as jobs finish their first images. Add jobs in the workflow and start the engine.
    </Empty>
  );
}
