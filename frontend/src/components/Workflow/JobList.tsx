import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { formatCount } from "@/components/format";
import type { JobLine } from "@/components/Job/queries";
import { StateBadge } from "@/components/State/StateBadge";
import { useUrlState } from "@/hooks/useUrlState";
import { flowText, stateText } from "./words";
import { readInput } from "./layout";
import classes from "./Workflow.module.css";

interface Props {
  jobs: JobLine[];
  open: number | null;
  found: number[];
  onOpen: (job: number) => void;
  /** Jobs below those whose items they take, indented. */
  tree?: boolean;
}

const COLUMNS: { key: string; label: string; value: (job: JobLine) => string | number; number?: boolean; phone?: boolean }[] = [
  { key: "id", label: "Job", value: (job) => job.id, number: true, phone: true },
  { key: "title", label: "Title", value: (job) => job.title.toLowerCase(), phone: true },
  { key: "type", label: "Type", value: (job) => job.type },
  { key: "state", label: "State", value: (job) => job.state, phone: true },
  { key: "total", label: "Items", value: (job) => job.given.items ?? job.total, number: true, phone: true },
  { key: "bad", label: "Failed", value: (job) => job.bad, number: true },
  { key: "inputs", label: "Input", value: (job) => job.inputs.join() },
  { key: "priority", label: "Priority", value: (job) => job.priority, number: true },
];

/** All jobs as a table, sorted by any column, or as a tree. */
export function JobList({ jobs, open, found, onOpen, tree }: Props) {
  const [sort, setSort] = useUrlState("sort", "id");
  const rows = useMemo(() => (tree ? treeOf(jobs) : sorted(jobs, sort)), [jobs, sort, tree]);
  const shown = useMemo(() => (found.length ? rows.filter((row) => found.includes(row.job.id)) : rows), [rows, found]);
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => box.current, estimateSize: () => 28, overscan: 12 });
  const parts = virtual.getVirtualItems();
  const before = parts[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (parts[parts.length - 1]?.end ?? 0);
  return (
    <div className={classes.list} ref={box}>
      <table aria-label={tree ? "Tree of jobs" : "List of jobs"} aria-rowcount={shown.length}>
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <Head key={column.key} column={column} sort={tree ? "" : sort} onSort={setSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && <tr style={{ height: before }} aria-hidden />}
          {parts.map(({ index }) => {
            const { job, depth } = shown[index]!;
            return <Row key={job.id} job={job} depth={depth} open={job.id === open} onOpen={onOpen} />;
          })}
          {after > 0 && <tr style={{ height: after }} aria-hidden />}
        </tbody>
      </table>
    </div>
  );
}

function Head({ column, sort, onSort }: { column: (typeof COLUMNS)[number]; sort: string; onSort: (sort: string) => void }) {
  const up = sort === column.key, down = sort === `-${column.key}`;
  return (
    <th aria-sort={up ? "ascending" : down ? "descending" : undefined} className={column.phone ? undefined : classes.hide} style={column.number ? { textAlign: "right" } : undefined}>
      <button type="button" onClick={() => onSort(up ? `-${column.key}` : column.key)}>
        {column.label}
        {up && <IconArrowUp size={12} aria-hidden />}
        {down && <IconArrowDown size={12} aria-hidden />}
      </button>
    </th>
  );
}

function Row({ job, depth, open, onOpen }: { job: JobLine; depth: number; open: boolean; onOpen: (job: number) => void }) {
  return (
    <tr data-open={open || undefined} onClick={() => onOpen(job.id)} style={{ cursor: "pointer" }}>
      <td className="number">J{job.id}</td>
      <td className={classes.name} style={{ paddingLeft: 8 + 18 * Math.min(depth, 12) }}>
        <button type="button" className={classes.link} onClick={() => onOpen(job.id)}>{job.title}</button>
      </td>
      <td className={classes.hide}>{job.type}</td>
      <td><StateBadge state={job.state} word={stateText(job)} size={13} /></td>
      <td className={`number ${classes.count}`}>{flowText(job)}</td>
      <td className={`number ${classes.hide}`}>{job.bad ? formatCount(job.bad) : "–"}</td>
      <td className={classes.hide}>{job.inputs.join(", ") || "–"}</td>
      <td className={`number ${classes.hide}`}>{job.priority}</td>
    </tr>
  );
}

interface Placed {
  job: JobLine;
  depth: number;
}

function sorted(jobs: JobLine[], sort: string): Placed[] {
  const down = sort.startsWith("-");
  const column = COLUMNS.find((one) => one.key === sort.replace("-", "")) ?? COLUMNS[0]!;
  const compare = (a: JobLine, b: JobLine) => {
    const left = column.value(a), right = column.value(b);
    return left < right ? -1 : left > right ? 1 : a.id - b.id;
  };
  return [...jobs].sort((a, b) => (down ? compare(b, a) : compare(a, b))).map((job) => ({ job, depth: 0 }));
}

/** Each job below its first input, in the order of their numbers; deep chains need no recursion. */
function treeOf(jobs: JobLine[]): Placed[] {
  const children = new Map<number, JobLine[]>();
  for (const job of jobs) {
    const parent = job.inputs[0] ? readInput(job.inputs[0]).source : 0;
    children.set(parent, [...(children.get(parent) ?? []), job]);
  }
  const found: Placed[] = [];
  const todo = [...(children.get(0) ?? [])].sort((a, b) => b.id - a.id).map((job) => ({ job, depth: 0 }));
  while (todo.length) {
    const next = todo.pop()!;
    found.push(next);
    for (const child of [...(children.get(next.job.id) ?? [])].sort((a, b) => b.id - a.id)) todo.push({ job: child, depth: next.depth + 1 });
  }
  return found;
}
