import { ActionIcon, Button, Code, Group, Modal, SegmentedControl, Skeleton, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { IconFileText } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { client, need } from "@/client/client";
import { useLive } from "@/client/live";
import { Fault } from "@/components/Fault/Fault";
import { formatTime } from "@/components/format";
import classes from "./Job.module.css";
import type { JobPage } from "./queries";

interface Line {
  seq: number;
  time: number;
  kind: string;
  item: number | null;
  name: string | null;
  message: string;
}
const MOST = 5000;

/** The job's log: live, with only the lines in sight drawn, following its end unless one has scrolled up. */
export function LogTab({ project, job }: { project: string; job: JobPage }) {
  const { lines, error, loading } = useLog(project, job.id);
  const [kind, setKind] = useState("all");
  const [follow, setFollow] = useState(true);
  const [task, setTask] = useState<number | null>(null);
  const shown = kind === "all" ? lines : lines.filter((line) => line.kind !== "done");
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => box.current, estimateSize: () => 20, overscan: 20, measureElement: (element) => element.getBoundingClientRect().height });
  useEffect(() => {
    if (follow && shown.length) virtual.scrollToIndex(shown.length - 1, { align: "end" });
  }, [follow, shown.length, virtual]);
  if (error) return <Fault error={error} />;
  if (loading) return <Skeleton height={240} />;
  return (
    <>
      <Group justify="space-between" mb="xs">
        <SegmentedControl size="xs" value={kind} onChange={setKind} data={[{ value: "all", label: "All lines" }, { value: "notable", label: "Warnings and changes" }]} aria-label="Which lines" />
        <Switch size="xs" label="Follow the end" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
      </Group>
      <div
        ref={box}
        className={classes.log}
        tabIndex={0}
        role="log"
        aria-label={`Log of J${job.id}`}
        onWheel={(event) => {
          const place = event.currentTarget;
          if (event.deltaY < 0) setFollow(false);
          else if (place.scrollHeight - place.scrollTop - place.clientHeight < 30) setFollow(true);
        }}
      >
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((part) => {
            const line = shown[part.index]!;
            return (
              <div key={line.seq} ref={virtual.measureElement} data-index={part.index} className={classes.line} data-kind={line.kind} style={{ position: "absolute", insetInline: 0, transform: `translateY(${part.start}px)` }}>
                <span title={formatTime(line.time)}>{formatTime(line.time, false)}</span>
                <span className={classes.cut} title={line.name ?? undefined}>
                  {line.item ? (
                    <>
                      <ActionIcon size={16} variant="transparent" color="gray" aria-label={`Log of the task on ${line.name ?? line.item}`} onClick={() => setTask(line.item)}><IconFileText size={12} /></ActionIcon>
                      {line.name}
                    </>
                  ) : "job"}
                </span>
                <span className={classes.words}>{line.kind !== "job" && line.kind !== line.message && `${line.kind}: `}{line.message}</span>
              </div>
            );
          })}
        </div>
        {shown.length === 0 && <Text size="sm" c="dimmed" p="sm">Nothing yet; lines appear here as they are written.</Text>}
      </div>
      {lines.length >= MOST && <Text size="xs" c="dimmed">The newest {MOST} lines.</Text>}
      <TaskLogDialog project={project} job={job.id} item={task} onClose={() => setTask(null)} />
    </>
  );
}

function useLog(project: string, job: number) {
  const { onLog } = useLive();
  const [lines, setLines] = useState<Line[]>([]);
  const first = useQuery({
    queryKey: ["log", project, job],
    staleTime: 0,
    gcTime: 0,
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/log", { params: { path: { project, job: String(job) }, query: { limit: 2000 } } })),
  });
  useEffect(() => setLines((before) => merged(first.data ?? [], before)), [first.data]);
  useEffect(
    () =>
      onLog((line) => {
        if (line.project === project && line.job === job) setLines((before) => merged(before, [{ ...line, name: line.item ? `#${line.item}` : null }]));
      }),
    [onLog, project, job],
  );
  return { lines, error: first.error, loading: first.isPending };
}

/** Lines by number, each once; the newest ones only. */
function merged(before: readonly Line[], more: readonly Line[]): Line[] {
  const last = before[before.length - 1]?.seq ?? 0;
  return [...before, ...more.filter((line) => line.seq > last)].slice(-MOST);
}

function TaskLogDialog({ project, job, item, onClose }: { project: string; job: number; item: number | null; onClose: () => void }) {
  const { data, error } = useQuery({
    queryKey: ["p", project, "task-log", job, item],
    enabled: item !== null,
    queryFn: () => need(client.GET("/api/projects/{project}/jobs/{job}/tasks/{item}/log", { params: { path: { project, job: String(job), item: item! } } })),
  });
  return (
    <Modal opened={item !== null} onClose={onClose} title={`Log of J${job} on item #${item}`} size="lg">
      {error && <Fault error={error} />}
      {data?.error && <Fault error={{ ...data.error, status: 0 }} />}
      {data && <Code block style={{ maxHeight: "60vh", overflow: "auto" }}>{data.text || "It wrote no log of its own."}</Code>}
      {data?.path && <Text size="xs" c="dimmed" mt={4}>The end of {data.path}</Text>}
      <Group justify="flex-end" mt="sm"><Button size="compact-sm" variant="default" onClick={onClose}>Close</Button></Group>
    </Modal>
  );
}
