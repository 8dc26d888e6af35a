import { Button, Group, NumberInput, Skeleton, Stack, Switch, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { Fault } from "@/components/Fault/Fault";
import { shown } from "@/components/format";
import { useAction } from "@/hooks/useAction";
import { useMayChange } from "@/hooks/useProject";
import classes from "./Alarm.module.css";
import { columnTitle, useLimits, useRules, type ColumnLimits } from "./useAlarms";

const LEVELS = ["severe_low", "mild_low", "mild_high", "severe_high"] as const;
type Level = (typeof LEVELS)[number];
const WORDS: Record<Level, string> = {
  severe_low: "Severe below",
  mild_low: "Mild below",
  mild_high: "Mild above",
  severe_high: "Severe above",
};

/** The levels of each column, in the units that people know, and whether its trend is watched. */
export function LimitsTable({ project }: { project: string }) {
  const limits = useLimits(project);
  const rules = useRules(project);
  if (limits.error && !limits.data) return <Fault error={limits.error} retry={() => void limits.refetch()} />;
  if (!limits.data) return <Skeleton h={320} aria-label="loading limits" />;
  const { defaults, units } = limits.data;
  const trends = rules.data?.rules.trends;
  return (
    <Stack gap="xs">
      <Title order={2}>Limits</Title>
      <Text size="sm" c="dimmed">
        Drawn in the plots of the session. An alarm is raised when many of the newest images are beyond them. An empty
        field is not watched.
      </Text>
      <Table.ScrollContainer minWidth={760}>
        <Table verticalSpacing={4} aria-label="Limits of columns">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Figure</Table.Th>
              {LEVELS.map((level) => (
                <Table.Th key={level} ta="right">
                  {WORDS[level]}
                </Table.Th>
              ))}
              <Table.Th>Trend</Table.Th>
              <Table.Th aria-label="Default" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {Object.entries(limits.data.limits).map(([column, found]) => (
              <Line
                key={column}
                project={project}
                column={column}
                unit={units[column] ?? null}
                limits={found}
                standard={defaults[column]}
                trend={trends?.[column]}
              />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}

interface LineProps {
  project: string;
  column: string;
  unit: string | null;
  limits: ColumnLimits;
  standard: ColumnLimits | undefined;
  trend: boolean | undefined;
}

function Line({ project, column, unit, limits, standard, trend }: LineProps) {
  const may = useMayChange(project);
  const doing = useAction(project);
  const look = shown(column, unit);
  const set = (next: ColumnLimits | null, told: string) =>
    doing.mutate({
      name: "set_limits",
      body: { limits: { [column]: next as Record<string, number | null> | null } },
      told,
      undo: () => doing.mutate({ name: "set_limits", body: { limits: { [column]: { ...limits } } } }),
    });
  const own = standard === undefined || LEVELS.some((level) => limits[level] !== standard[level]);
  return (
    <Table.Tr>
      <Table.Td>
        {columnTitle(column)}
        {look.unit && (
          <Text span size="xs" c="dimmed">
            {" "}
            {look.unit}
          </Text>
        )}
      </Table.Td>
      {LEVELS.map((level) => (
        <Table.Td key={level} align="right">
          <LevelInput
            label={`${columnTitle(column)}: ${WORDS[level].toLowerCase()}${look.unit ? ` (${look.unit})` : ""}`}
            value={limits[level] == null ? null : limits[level] * look.scale}
            disabled={!may}
            save={(value) => {
              const stored = value === null ? null : Number((value / look.scale).toPrecision(12));
              set({ ...limits, [level]: stored }, `The limits of ${columnTitle(column).toLowerCase()} are set`);
            }}
          />
        </Table.Td>
      ))}
      <Table.Td>{trend !== undefined && <TrendSwitch project={project} column={column} on={trend} disabled={!may} />}</Table.Td>
      <Table.Td>
        {own && may && (
          <Button size="compact-xs" variant="subtle" onClick={() => set(null, "The default is set again")}>
            Default
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function TrendSwitch({ project, column, on, disabled }: { project: string; column: string; on: boolean; disabled: boolean }) {
  const doing = useAction(project);
  return (
    <Switch
      aria-label={`Watch the trend of ${columnTitle(column).toLowerCase()}`}
      checked={on}
      disabled={disabled}
      onChange={(event) =>
        doing.mutate({ name: "set_alarm_rules", body: { rules: { trends: { [column]: event.currentTarget.checked } } } })
      }
    />
  );
}

interface LevelProps {
  label: string;
  value: number | null;
  disabled: boolean;
  save: (value: number | null) => void;
}

/** A number that is saved when the field is left or Enter is pressed; empty is not watched. */
function LevelInput({ label, value, disabled, save }: LevelProps) {
  const [draft, setDraft] = useState<string | number | null>(null);
  const tidy = value === null ? "" : Number(value.toPrecision(8));
  const leave = () => {
    if (draft === null) return;
    setDraft(null);
    const next = draft === "" ? null : Number(draft);
    if (next !== (value === null ? null : tidy)) save(next);
  };
  return (
    <Group justify="flex-end">
      <NumberInput
        size="xs"
        className={classes.number}
        aria-label={label}
        hideControls
        placeholder="–"
        disabled={disabled}
        value={draft ?? tidy}
        onChange={setDraft}
        onBlur={leave}
        onKeyDown={(event) => {
          if (event.key === "Enter") leave();
          if (event.key === "Escape") setDraft(null);
        }}
      />
    </Group>
  );
}
