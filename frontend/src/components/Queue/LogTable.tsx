import { Button, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { IconSearch } from "@tabler/icons-react";
import { useMemo, useRef, useState } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatTime } from "@/components/format";
import { useUrlState } from "@/hooks/useUrlState";
import classes from "./Queue.module.css";
import { HeadCell } from "./TaskTable";
import type { LogLine } from "./queue";

const COLUMNS = [["seq", "Line"], ["time", "Time"], ["kind", "Kind"], ["job", "Job"], ["name", "Image"], ["message", "What happened"]] as const;
const AT_ONCE = 500;

/** The log, newest first; lines that are here can be sorted by any column. */
export function LogTable({ project, onOpen }: { project: string; onOpen: (job: number, item: number) => void }) {
  const [text, setText] = useUrlState("text");
  const [kind, setKind] = useUrlState("kind");
  const [order, setOrder] = useUrlState("by", "-seq");
  const [typed, setTyped] = useState(text);
  const send = useDebouncedCallback(setText, 200);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["p", project, "log", text, kind],
    placeholderData: keepPreviousData,
    initialPageParam: 0,
    queryFn: ({ pageParam }) =>
      need(
        client.GET("/api/projects/{project}/log", {
          params: { path: { project }, query: { text: text || undefined, kind: kind || undefined, before: pageParam || undefined, limit: AT_ONCE } },
        }),
      ),
    getNextPageParam: (last) => (last.more ? last.lines[last.lines.length - 1]?.seq : undefined),
  });
  const lines = useMemo(() => sorted((data?.pages ?? []).flatMap((page) => page.lines), order), [data, order]);
  const titles = useMemo(() => Object.assign({}, ...(data?.pages ?? []).map((page) => page.titles)) as Record<string, string>, [data]);
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => scroll.current, estimateSize: () => 28, overscan: 12 });
  if (error) return <Fault error={error} retry={() => void refetch()} />;
  return (
    <>
      <div className={classes.tools}>
        <TextInput aria-label="Text in the log" placeholder="Text or image" leftSection={<IconSearch size={15} />} size="xs" value={typed}
          onChange={(event) => { setTyped(event.currentTarget.value); send(event.currentTarget.value); }} />
        <Select aria-label="Kind of line" placeholder="All kinds" size="xs" w={150} clearable data={data?.pages[0]?.kinds ?? []} value={kind || null} onChange={(value) => setKind(value ?? "")} />
        <Text size="xs" c="dimmed" aria-live="polite">{data ? `${counted(lines.length, "line")}${hasNextPage ? " of more" : ""}` : "looking …"}</Text>
        {hasNextPage && <Button size="compact-xs" variant="light" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>Older lines</Button>}
      </div>
      <div className={classes.tableBox} ref={scroll} role="table" aria-label="Log" aria-rowcount={lines.length} tabIndex={0}>
        <div className={`${classes.grid} ${classes.log} ${classes.header}`} role="row">
          {COLUMNS.map(([name, label]) => <HeadCell key={name} name={name} label={label} order={order} onSort={setOrder} />)}
        </div>
        <div className={classes.body} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const line = lines[index]!;
            const opens = line.job !== null && line.item !== null;
            return (
              <div key={line.seq} role="row" className={`${classes.grid} ${classes.log} ${classes.line}`} style={{ transform: `translateY(${start}px)`, cursor: opens ? "pointer" : "default" }}
                onClick={() => opens && onOpen(line.job!, line.item!)}>
                <span role="cell" className="number">{line.seq}</span>
                <span role="cell">{formatTime(line.time)}</span>
                <span role="cell">{line.kind}</span>
                <span role="cell">{line.job === null ? "" : `J${line.job} ${titles[line.job] ?? ""}`}</span>
                <span role="cell" title={line.name ?? ""}>{line.name ?? ""}</span>
                <span role="cell" title={line.message}>{line.message}</span>
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}

function sorted(lines: LogLine[], order: string): LogLine[] {
  const name = order.replace(/^-/, "") as keyof LogLine;
  if (order === "-seq") return lines;
  const way = order.startsWith("-") ? -1 : 1;
  return [...lines].sort((a, b) => {
    const [x, y] = [a[name], b[name]];
    if (x === y) return b.seq - a.seq;
    if (x === null) return 1;
    if (y === null) return -1;
    return (x < y ? -1 : 1) * way;
  });
}
