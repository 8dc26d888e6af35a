import { Button, Divider, Group, Skeleton, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconEyeOff, IconSortAscending, IconSortDescending } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need } from "@/client/client";
import { Histogram } from "@/components/Chart/Histogram";
import { Fault } from "@/components/Fault/Fault";
import { counted, formatColumn, formatCount } from "@/components/format";
import { labelOf, unitOf, type TableColumn } from "./columns";
import { joined, limitsOf, withLimits, type Limits } from "./conditions";
import { itemQuery, type Shown, type Sort } from "./query";

interface Given {
  project: string;
  column: TableColumn;
  shown: Shown;
  onConditions: (conditions: string[]) => void;
  onOrder: (order: Sort[]) => void;
  onHide: () => void;
}

/** A column's figures: its histogram with two limits and what stays, or its most frequent texts. */
export function ColumnMenu(given: Given) {
  const { column, onOrder, onHide } = given;
  const numbers = column.kind === "real" || column.kind === "integer";
  return (
    <Stack gap={8}>
      <div>
        <Text fw={600} size="sm">
          {labelOf(column.name)}
          {unitOf(column) ? ` (${unitOf(column)})` : ""}
        </Text>
        <Text size="xs" c="dimmed">
          {column.meaning}
        </Text>
      </div>
      {numbers ? <NumberLimits {...given} /> : <Texts {...given} />}
      <Divider />
      <Group gap={4}>
        <Button size="compact-xs" variant="subtle" leftSection={<IconSortAscending size={14} />} onClick={() => onOrder([{ name: column.name, direction: "asc" }])}>
          Smallest first
        </Button>
        <Button size="compact-xs" variant="subtle" leftSection={<IconSortDescending size={14} />} onClick={() => onOrder([{ name: column.name, direction: "desc" }])}>
          Largest first
        </Button>
        <Button size="compact-xs" variant="subtle" color="gray" leftSection={<IconEyeOff size={14} />} onClick={onHide}>
          Hide
        </Button>
      </Group>
    </Stack>
  );
}

function others(shown: Shown, column: string): string[] {
  return withLimits(shown.conditions, { column, low: null, high: null });
}

function NumberLimits({ project, column, shown, onConditions }: Given) {
  const [limits, setLimits] = useState<Limits>(() => limitsOf(shown.conditions, column.name));
  const rest = others(shown, column.name);
  const query = itemQuery(shown, rest);
  const bars = useQuery({
    queryKey: ["p", project, "histogram", column.name, query],
    placeholderData: keepPreviousData,
    queryFn: () =>
      need(client.GET("/api/projects/{project}/histogram", { params: { path: { project }, query: { ...query, column: column.name, bins: 48 } } })),
  });
  const [text] = useDebouncedValue(joined(withLimits([], limits)), 60);
  const left = useQuery({
    queryKey: ["p", project, "check", query, text],
    enabled: text !== "",
    placeholderData: keepPreviousData,
    queryFn: () => need(client.GET("/api/projects/{project}/expression/check", { params: { path: { project }, query: { ...query, text } } })),
  });
  if (bars.error) return <Fault error={bars.error} />;
  if (!bars.data) return <Skeleton height={170} />;
  const all = bars.data.counts.reduce((sum, n) => sum + n, 0) + bars.data.unknown;
  const number = text === "" ? all : left.data?.count;
  const change = (low: number | null, high: number | null) => setLimits({ column: column.name, low, high });
  return (
    <>
      <Histogram column={column.name} edges={bars.data.edges} counts={bars.data.counts} unit={column.unit} low={limits.low} high={limits.high} onLimits={change} height={140} />
      <Text size="sm" aria-live="polite">
        <b>{formatCount(number)}</b> of {counted(all, "image")} stay
        {bars.data.unknown > 0 && `; ${formatCount(bars.data.unknown)} unknown`}
      </Text>
      <Group gap={8}>
        <Button size="compact-sm" onClick={() => onConditions(withLimits(shown.conditions, limits))}>
          Use these limits
        </Button>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => {
            change(null, null);
            onConditions(rest);
          }}
        >
          No limits
        </Button>
      </Group>
    </>
  );
}

function Texts({ project, column, shown, onConditions }: Given) {
  const query = itemQuery(shown);
  const { data, error } = useQuery({
    queryKey: ["p", project, "summary", column.name, query],
    queryFn: () => need(client.GET("/api/projects/{project}/summary", { params: { path: { project }, query: { ...query, column: column.name } } })),
  });
  if (error) return <Fault error={error} />;
  if (!data) return <Skeleton height={120} />;
  const name = column.name === "group_name" ? "group" : column.name;
  return (
    <Stack gap={2}>
      <Text size="xs" c="dimmed">
        {counted(data.distinct ?? 0, "different text")}, {formatCount(data.unknown)} unknown
      </Text>
      {data.frequent.slice(0, 8).map(([text, number]) => (
        <Button
          key={text}
          size="compact-sm"
          variant="subtle"
          justify="space-between"
          rightSection={<Text size="xs">{formatCount(Number(number))}</Text>}
          onClick={() => onConditions([...shown.conditions, `${name} == ${JSON.stringify(String(text))}`])}
          styles={{ label: { overflow: "hidden", textOverflow: "ellipsis" } }}
        >
          {formatColumn(column.name, text)}
        </Button>
      ))}
    </Stack>
  );
}
