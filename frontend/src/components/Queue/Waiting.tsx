import { Text } from "@mantine/core";
import { Link } from "react-router";
import { sentence } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import classes from "./Queue.module.css";
import { JobButtons } from "./JobButtons";
import type { Queue } from "./queue";

/** What waits for what, a sentence for each job. */
export function Waiting({ project, queue }: { project: string; queue: Queue }) {
  return (
    <section className={classes.card} aria-labelledby="waiting-title">
      <div className={classes.head}>
        <Text fw={600} component="h2" id="waiting-title">What waits</Text>
      </div>
      {queue.waiting.length === 0 && <Text size="sm" c="dimmed">Nothing waits.</Text>}
      {queue.waiting.map((entry) => (
        <div key={entry.job} className={classes.reason}>
          <div className={classes.head} style={{ marginBottom: 0 }}>
            <Text size="sm" fw={500} component={Link} to={`/p/${project}/workflow?job=${entry.job}`} c="inherit">
              J{entry.job} {queue.titles[entry.job]}
            </Text>
            <JobButtons project={project} job={entry.job} state={entry.state} />
          </div>
          <Text size="sm">{sentence(entry.why)}</Text>
        </div>
      ))}
      {queue.waiting_left > 0 && <Text size="sm" c="dimmed">{counted(queue.waiting_left, "further job")} waits too.</Text>}
    </section>
  );
}
