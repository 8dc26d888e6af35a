import { ActionIcon } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import { memo } from "react";
import { NodeAverage } from "@/components/Classes/ClassStrip";
import { isClassJob } from "@/components/Classes/classes";
import { formatCount } from "@/components/format";
import { ItemView } from "@/components/Image/ItemView";
import type { JobLine } from "@/components/Job/queries";
import { lookOf, StateBadge } from "@/components/State/StateBadge";
import { flowText, pictureOf, stateText } from "./words";
import classes from "./Workflow.module.css";

export interface JobNodeData extends Record<string, unknown> {
  job: JobLine;
  project: string;
  open: boolean;
  found: boolean;
  onOpen: (job: number) => void;
  onAdd?: (job: JobLine) => void;
}
export type FlowNode = Node<JobNodeData, "job">;

export const JobNode = memo(function JobNode({ data }: NodeProps<FlowNode>) {
  const { job, project, open, found, onOpen, onAdd } = data;
  const done = job.counts.done ?? 0;
  const fraction = job.total > 0 ? done / job.total : 0;
  const view = pictureOf(job);
  const name = `J${job.id} ${job.title}, ${stateText(job) ?? lookOf(job.state).word}, ${flowText(job)}`;
  return (
    <div className={classes.node} data-open={open || undefined} data-found={found || undefined} data-state={job.state} style={{ ["--state" as string]: lookOf(job.state).colour }}>
      {job.scope !== "source" && <Handle type="target" position={Position.Left} className={classes.handle} />}
      <div className={classes.body}>
        <button type="button" className={`${classes.title} nodrag`} onClick={() => onOpen(job.id)} aria-label={name} title={`${job.title}${job.broken ? `: ${job.broken}` : ""}`}>
          <span className={classes.number}>J{job.id}</span> {job.title}
        </button>
        <div className={classes.kind}>{job.title === job.type_title ? job.type : job.type_title}</div>
        <div className={classes.row}>
          <StateBadge state={job.state} word={stateText(job)} size={13} />
          {job.bad > 0 && <span className={classes.bad}>{formatCount(job.bad)} failed</span>}
        </div>
        <div className={classes.flow}>{flowText(job)}</div>
        {job.scope !== "source" && (
          <div className={classes.bar} role="progressbar" aria-label={`${formatCount(done)} of ${formatCount(job.total)} done`} aria-valuenow={Math.round(fraction * 100)} aria-valuemin={0} aria-valuemax={100}>
            <div style={{ width: `${100 * fraction}%` }} />
          </div>
        )}
      </div>
      {view && (
        <div className={`${classes.picture} nodrag`}>
          {job.last_item !== null && <ItemView project={project} item={job.last_item} view={view} size={128} onOpen={() => onOpen(job.id)} />}
        </div>
      )}
      {isClassJob(job) && (
        <div className={`${classes.picture} nodrag`}><NodeAverage project={project} job={job.id} size={128} /></div>
      )}
      {job.outputs.map((output, place) => (
        <Handle
          key={output}
          id={output}
          type="source"
          position={Position.Right}
          className={classes.handle}
          style={job.outputs.length > 1 ? { top: `${((place + 1) * 100) / (job.outputs.length + 1)}%` } : undefined}
          title={output === "items" ? "drag to a job, or to empty ground" : `${output.replace("_", " ")}: drag to a job, or to empty ground`}
        />
      ))}
      {onAdd && (
        <ActionIcon className={`${classes.plus} nodrag`} size={20} radius="xl" variant="filled" aria-label={`Add a job behind J${job.id}`} onClick={() => onAdd(job)}>
          <IconPlus size={13} />
        </ActionIcon>
      )}
    </div>
  );
});
