import { Alert, Button, Code, Collapse, Group, NumberInput, Popover, Select, Skeleton, Stack, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconChevronUp, IconLockOpen, IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { useState } from "react";
import type { ProjectState } from "@/client/live";
import { Fault, sentence } from "@/components/Fault/Fault";
import { counted, formatDuration, formatTime } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { useMayChange } from "@/hooks/useProject";
import classes from "./Frame.module.css";
import { engineLook, useEngine, useEngineActions, useProfiles, type EngineFacts } from "./engine";

/** The engine's state in the status bar; a click opens who runs it, with what, what hinders it, Start and Stop. */
export function EngineMenu({ project, state }: { project: string; state: ProjectState }) {
  const [open, { toggle, close }] = useDisclosure(false);
  const look = engineLook(state);
  return (
    <Popover opened={open} onChange={(now) => !now && close()} position="top-start" width={400} trapFocus shadow="md" withinPortal>
      <Popover.Target>
        <UnstyledButton onClick={toggle} className={classes.engine} aria-haspopup="dialog" aria-expanded={open} aria-label={`Engine: ${look.word}`}>
          <StateBadge state={look.state} word={look.word} />
          <IconChevronUp size={12} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown maw="calc(100vw - 16px)" aria-label="Engine">
        {open && <EngineDetails project={project} />}
      </Popover.Dropdown>
    </Popover>
  );
}

function EngineDetails({ project }: { project: string }) {
  const { data, error } = useEngine(project);
  const may = useMayChange(project);
  if (error) return <Fault error={error} />;
  if (!data) return <Skeleton height={140} />;
  return (
    <Stack gap="sm">
      <Text size="sm" fw={500}>
        {data.sentence}
      </Text>
      <Facts engine={data} />
      {Object.entries(data.conditions).map(([name, text]) => (
        <Alert key={name} color={name === "disk" || name === "workers" ? "red" : "gray"} variant="light" p="xs" title={name}>
          {sentence(text)}
        </Alert>
      ))}
      {may && <Buttons project={project} engine={data} />}
      <Log lines={data.log} />
    </Stack>
  );
}

function Facts({ engine }: { engine: EngineFacts }) {
  const rows: [string, string][] = [];
  if (engine.holder) rows.push(["Held by", engine.holder]);
  if (engine.since) rows.push(["Since", `${formatTime(engine.since)} (${formatDuration(Date.now() / 1000 - engine.since)})`]);
  if (engine.profile) rows.push(["Run profile", engine.profile]);
  if (engine.state === "running" || engine.state === "elsewhere") {
    const names = [...new Set(engine.workers.map((worker) => String(worker.host ?? "")))].filter(Boolean).join(", ");
    const under = `${counted(engine.workers.length, "worker")}${names ? ` on ${names}` : ""}`;
    rows.push(["Workers", engine.workers.length ? under : "none yet; they start with the first task"]);
    rows.push(["Under way", counted(engine.running, "submission")]);
  }
  if (engine.crashes > 0) rows.push(["Crashes in a row", String(engine.crashes)]);
  return (
    <dl className={classes.facts}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Buttons({ project, engine }: { project: string; engine: EngineFacts }) {
  const { start, stop, unlock } = useEngineActions(project);
  if (engine.state === "stale") {
    return (
      <Stack gap={4}>
        <Text size="xs" c="dimmed">
          Make sure that it no longer runs there: two engines would disturb each other.
        </Text>
        <Button size="compact-sm" variant="light" leftSection={<IconLockOpen size={15} />} loading={unlock.isPending} onClick={() => unlock.mutate()}>
          Unlock the project
        </Button>
      </Stack>
    );
  }
  if (engine.state === "stopped" || engine.state === "refused") return <StartForm project={project} start={start} />;
  const ends = engine.state === "stopping";
  return (
    <Group gap="xs">
      <Button size="compact-sm" variant="default" leftSection={<IconPlayerStop size={15} />} disabled={ends} loading={stop.isPending && !stop.variables} onClick={() => stop.mutate(false)}>
        Stop after what is under way
      </Button>
      <Button size="compact-sm" variant="subtle" color="red" loading={stop.isPending && stop.variables} onClick={() => stop.mutate(true)}>
        Stop now
      </Button>
    </Group>
  );
}

function StartForm({ project, start }: { project: string; start: ReturnType<typeof useEngineActions>["start"] }) {
  const profiles = useProfiles(project, true).data;
  const narrow = useMediaQuery("(max-width: 420px)");
  const [profile, setProfile] = useState<string | null>(null);
  const [workers, setWorkers] = useState<number | "">("");
  const [threads, setThreads] = useState<number | "">("");
  const chosen = profiles?.find((entry) => entry.name === (profile ?? "local"));
  const go = () => start.mutate({ profile, workers: workers === "" ? null : workers, threads: threads === "" ? null : threads });
  return (
    <Stack gap="xs">
      <Group gap="xs" grow={!narrow} align="flex-start" wrap={narrow ? "wrap" : "nowrap"}>
        <Select
          label="Run profile"
          size="xs"
          placeholder="usual"
          clearable
          data={(profiles ?? []).map((entry) => ({ value: entry.name, label: `${entry.name} (${entry.kind})` }))}
          value={profile}
          onChange={setProfile}
          comboboxProps={{ withinPortal: false }}
        />
        <NumberInput label="Workers" size="xs" min={0} placeholder={chosen?.workers ?? "profile's"} value={workers} onChange={(value) => setWorkers(typeof value === "number" ? value : "")} />
        <NumberInput label="Threads of each" size="xs" min={1} placeholder="profile's" value={threads} onChange={(value) => setThreads(typeof value === "number" ? value : "")} />
      </Group>
      {chosen?.findings.map((text) => (
        <StateBadge key={text} state="mild" word={text} />
      ))}
      <Button size="compact-md" leftSection={<IconPlayerPlay size={15} />} loading={start.isPending} onClick={go}>
        Start the engine
      </Button>
    </Stack>
  );
}

function Log({ lines }: { lines: string[] }) {
  const [open, { toggle }] = useDisclosure(false);
  if (lines.length === 0) return null;
  return (
    <div>
      <Button size="compact-xs" variant="subtle" onClick={toggle} aria-expanded={open}>
        {open ? "Hide the log" : "Log of the engine"}
      </Button>
      <Collapse expanded={open}>
        <Code block mah={200} style={{ overflow: "auto", fontSize: 11, whiteSpace: "pre-wrap" }} tabIndex={0}>
          {lines.join("\n")}
        </Code>
      </Collapse>
    </div>
  );
}
