import { Select, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { IconArrowDown, IconArrowUp, IconSearch } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatCount, formatNumber, formatTime, UNKNOWN } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { useUrlState } from "@/hooks/useUrlState";
import classes from "./Queue.module.css";
import { PAGE, useTaskPage, type TaskFilter, type TaskLine } from "./queue";

const STATES = ["waiting", "ready", "running", "done", "failed", "quarantined", "cancelled", "excluded"];
const COLUMNS = [
  ["state", "State"], ["name", "Image"], ["job", "Job"], ["finished", "Finished"], ["seconds", "Time / s"], ["tries", "Tries"], ["worker", "Worker"], ["", "Reason"],
] as const;

/** All tasks, sorted and filtered by the server; only rows in sight are asked for. */
export function TaskTable({ project, onOpen, open }: { project: string; onOpen: (job: number, item: number) => void; open: string }) {
  const [text, setText] = useUrlState("text");
  const [state, setState] = useUrlState("state");
  const [job, setJob] = useUrlState("job");
  const [order, setOrder] = useUrlState("order", "-finished");
  const [typed, setTyped] = useState(text);
  const send = useDebouncedCallback(setText, 200);
  const filter: TaskFilter = { text, state, job, order };
  return (
    <>
      <div className={classes.tools}>
        <TextInput aria-label="Image or reason" placeholder="Image or reason" leftSection={<IconSearch size={15} />} size="xs" value={typed}
          onChange={(event) => { setTyped(event.currentTarget.value); send(event.currentTarget.value); }} />
        <Select aria-label="State" placeholder="All states" size="xs" w={150} clearable data={STATES} value={state || null} onChange={(value) => setState(value ?? "")} />
        <TextInput aria-label="Number of a job" placeholder="Job number" size="xs" w={110} inputMode="numeric" value={job} onChange={(event) => setJob(event.currentTarget.value.replace(/\D/g, ""))} />
      </div>
      <Rows key={JSON.stringify(filter)} project={project} filter={filter} onOpen={onOpen} open={open} onSort={setOrder} />
    </>
  );
}

interface RowsProps {
  project: string;
  filter: TaskFilter;
  onOpen: (job: number, item: number) => void;
  open: string;
  onSort: (order: string) => void;
}

function Rows({ project, filter, onOpen, open, onSort }: RowsProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const first = useTaskPage(project, filter, 0);
  const total = first.data?.total ?? 0;
  const virtual = useVirtualizer({ count: total, getScrollElement: () => scroll.current, estimateSize: () => 28, overscan: 12 });
  const sight = virtual.getVirtualItems();
  const low = Math.floor((sight[0]?.index ?? 0) / PAGE);
  const high = Math.floor((sight[sight.length - 1]?.index ?? 0) / PAGE);
  const one = useTaskPage(project, filter, low);
  const two = useTaskPage(project, filter, high);
  const rowAt = (index: number): TaskLine | undefined => {
    const page = Math.floor(index / PAGE);
    const held = page === low ? one : page === high ? two : undefined;
    return held?.isPlaceholderData ? undefined : held?.data?.rows[index % PAGE];
  };
  if (first.error) return <Fault error={first.error} retry={() => void first.refetch()} />;
  return (
    <>
      <Text size="xs" c="dimmed" aria-live="polite">{first.data ? counted(total, "task") : "looking …"}</Text>
      <div className={classes.tableBox} ref={scroll} role="table" aria-label="Tasks" aria-rowcount={total} tabIndex={0}>
        <div className={`${classes.grid} ${classes.tasks} ${classes.header}`} role="row">
          {COLUMNS.map(([name, label]) => <HeadCell key={label} name={name} label={label} order={filter.order} onSort={onSort} />)}
        </div>
        <div className={classes.body} style={{ height: virtual.getTotalSize() }}>
          {sight.map(({ index, start }) => {
            const row = rowAt(index);
            const chosen = row && open === `${row.job}-${row.item}`;
            return (
              <div key={index} role="row" tabIndex={-1} aria-rowindex={index + 1} className={`${classes.grid} ${classes.tasks} ${classes.line} ${chosen ? classes.chosen : ""}`}
                style={{ transform: `translateY(${start}px)` }} onClick={() => row && onOpen(row.job, row.item)}>
                {row && <Cells row={row} title={(one.data?.titles[row.job] ?? two.data?.titles[row.job]) ?? ""} onOpen={() => onOpen(row.job, row.item)} />}
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}

export function HeadCell({ name, label, order, onSort }: { name: string; label: string; order: string; onSort: (order: string) => void }) {
  if (!name) return <span className={classes.sort} role="columnheader">{label}</span>;
  const here = order.replace(/^-/, "") === name;
  const down = order.startsWith("-");
  const Icon = down ? IconArrowDown : IconArrowUp;
  const next = here ? (down ? name : `-${name}`) : ["finished", "seconds", "tries"].includes(name) ? `-${name}` : name;
  return (
    <span role="columnheader" aria-sort={here ? (down ? "descending" : "ascending") : "none"}>
      <button type="button" className={`plain ${classes.sort}`} style={{ display: "flex", alignItems: "center", gap: 3 }} onClick={() => onSort(next)}>
        <span className={classes.sort}>{label}</span>
        {here && <Icon size={13} aria-hidden />}
      </button>
    </span>
  );
}

function Cells({ row, title, onOpen }: { row: TaskLine; title: string; onOpen: () => void }) {
  return (
    <>
      <span role="cell"><StateBadge state={row.state} /></span>
      <span role="cell" title={row.name}>
        <button type="button" className="plain" onClick={onOpen} aria-label={`Task of ${row.name}, J${row.job}`}>{row.name}</button>
      </span>
      <span role="cell" title={title}>J{row.job} {title}</span>
      <span role="cell">{formatTime(row.finished)}</span>
      <span role="cell" className="number">{formatNumber(row.seconds, 1)}</span>
      <span role="cell" className="number">{formatCount(row.tries)}</span>
      <span role="cell">{row.worker ?? UNKNOWN}</span>
      <span role="cell" title={row.message ?? ""}>{row.message ?? ""}</span>
    </>
  );
}
